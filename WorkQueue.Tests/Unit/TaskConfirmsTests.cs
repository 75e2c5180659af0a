using Microsoft.Extensions.Time.Testing;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Tests.Unit;

/// <summary>A leader, and queues that do not confirm.</summary>
public sealed class TaskConfirmsTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly TaskConfirms _confirms;
    private readonly List<string> _sent = [];

    public TaskConfirmsTests() => _confirms = new TaskConfirms(_clock);

    [Fact]
    public async Task A_queue_that_owes_a_confirm_gets_nothing_more_until_it_comes_and_others_do()
    {
        TaskCompletionSource confirm = new();
        Task<PublishFailedException> late = FailAsync("stuck", confirm.Task);
        _clock.Advance(TaskConfirms.Patience);
        Assert.Equal((PublishOutcome.Unknown, true), ((await late).Outcome, (await late).IsOfQueue));
        PublishFailedException unsent = await FailAsync("stuck", Task.CompletedTask);
        Assert.Equal((PublishOutcome.Unavailable, true), (unsent.Outcome, unsent.IsOfQueue));
        await SendAsync("other", Task.CompletedTask);
        confirm.SetException(new InvalidOperationException("refused"));
        await SendAsync("stuck", Task.CompletedTask);
        Assert.Equal(["stuck", "other", "stuck"], _sent);
    }

    [Fact]
    public async Task A_queue_that_has_owed_one_for_long_is_a_reason_for_another_channel()
    {
        Task<PublishFailedException> late = FailAsync("stuck", new TaskCompletionSource().Task);
        _clock.Advance(TaskConfirms.Patience);
        await late;
        _clock.Advance(TimeSpan.FromMinutes(10));
        await Assert.ThrowsAsync<TimeoutException>(() => SendAsync("stuck", Task.CompletedTask));
    }

    [Fact]
    public async Task Of_many_that_wait_for_a_queue_as_it_stops_the_rest_is_not_sent()
    {
        Task<PublishFailedException>[] all = [.. Enumerable.Range(0, 200).Select(_ => FailAsync("stuck", new TaskCompletionSource().Task))];
        _clock.Advance(TaskConfirms.Patience);
        PublishFailedException[] failures = await Task.WhenAll(all);
        // Fewer than the client allows on a channel, which the log needs as well.
        Assert.InRange(_sent.Count, 1, 64);
        Assert.Equal(_sent.Count, failures.Count(failure => failure.Outcome == PublishOutcome.Unknown));
    }

    private Task<PublishFailedException> FailAsync(string queue, Task confirm) => Assert.ThrowsAsync<PublishFailedException>(() => SendAsync(queue, confirm));

    private Task SendAsync(string queue, Task confirm) => _confirms.SendAsync(
        new OutgoingMessage("tasks", queue, queue, new BasicProperties(), default), TimeSpan.FromSeconds(30),
        () =>
        {
            _sent.Add(queue);
            return confirm;
        },
        CancellationToken.None);
}
