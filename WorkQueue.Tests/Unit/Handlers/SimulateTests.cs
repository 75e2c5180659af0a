using Microsoft.Extensions.Logging.Abstractions;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;
using static WorkQueue.Tests.Unit.Handlers.HandlerTesting;

namespace WorkQueue.Tests.Unit.Handlers;

public class SimulateTests
{
    private readonly StoppedClock _clock = new(DateTimeOffset.UnixEpoch);

    [Theory]
    [InlineData("Hello...", 3)]
    [InlineData("a.b.c", 2)]
    public async Task It_waits_one_second_per_dot_and_returns_the_text_and_the_seconds(string text, int seconds)
    {
        Task<object?> run = Run(text);
        Assert.False(run.IsCompleted);
        Assert.Equal([TimeSpan.FromSeconds(seconds)], _clock.Waits);

        _clock.FireAll();
        Assert.Equal(new SimulateResult(text, seconds), await run);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no dots")]
    public async Task A_text_without_dots_takes_no_time(string text)
    {
        Assert.Equal(new SimulateResult(text, 0), await Run(text));
        Assert.Empty(_clock.Waits);
    }

    [Theory]
    [InlineData("fail.")]
    [InlineData("Fail.")]
    [InlineData("FAILURE.")]
    public async Task A_text_starting_with_fail_fails_after_its_wait(string text)
    {
        Task<object?> run = Run(text);
        Assert.False(run.IsCompleted);

        _clock.FireAll();
        await Assert.ThrowsAsync<InvalidOperationException>(() => run);
    }

    [Fact]
    public async Task Fail_in_the_middle_of_a_text_does_not_fail() =>
        Assert.IsType<SimulateResult>(await Run("do not fail"));

    [Fact]
    public async Task The_token_ends_the_wait()
    {
        using var stop = new CancellationTokenSource();
        Task<object?> run = Run("long...", stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task A_payload_without_text_is_rejected() =>
        await Assert.ThrowsAsync<TaskRejectedException>(() => Run(null));

    [Fact]
    public async Task More_than_a_day_of_dots_is_rejected() =>
        await Assert.ThrowsAsync<TaskRejectedException>(() => Run(new string('.', 86_401)));

    private Task<object?> Run(string? text, CancellationToken cancellationToken = default) =>
        new SimulateHandler(_clock, NullLogger<SimulateHandler>.Instance).HandleAsync(new Simulate(text), Context(cancellationToken));
}
