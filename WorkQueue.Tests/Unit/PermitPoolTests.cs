using Microsoft.Extensions.Time.Testing;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Flow;

namespace WorkQueue.Tests.Unit;

/// <summary>The permits of a process, whatever the broker answers.</summary>
public sealed class PermitPoolTests
{
    private const int Most = 3;

    private readonly FakeTimeProvider _clock = new();
    private readonly Broker _broker = new();
    private PermitTurns _turns = null!;
    private readonly OpenConnection _open = new(null!, new TaskCompletionSource<string>().Task);

    [Fact]
    public async Task It_gets_as_many_as_are_waited_for_and_gives_back_what_nobody_uses()
    {
        PermitPool pool = Pool();
        Task[] waiting = [pool.Waiters.WaitAsync(default), pool.Waiters.WaitAsync(default)];
        Assert.False(await _turns.TurnAsync(_open, default));
        await Task.WhenAll(waiting);
        Permit used = pool.TryTake()!;
        Assert.Equal((2, 1), (_broker.Held.Count, pool.Used));
        _clock.Advance(TimeSpan.FromSeconds(1.5));
        await _turns.TurnAsync(_open, default);
        Assert.Equal([used.Number], _broker.Held.Keys);
        Assert.Null(pool.TryTake());
        pool.Return(used);
        Assert.Same(used, pool.TryTake());
    }

    [Fact]
    public async Task It_never_has_more_than_there_are_nor_what_others_have()
    {
        _broker.Held[2] = new object();
        PermitPool pool = Pool();
        Task[] waiting = [.. Enumerable.Range(0, 10).Select(_ => pool.Waiters.WaitAsync(default))];
        Assert.True(await _turns.TurnAsync(_open, default));
        int[] numbers = [pool.TryTake()!.Number, pool.TryTake()!.Number];
        Assert.Equal([1, 3], numbers.Order());
        Assert.Null(pool.TryTake());
        await Task.WhenAll(waiting);
        _broker.Held.Remove(2);
        Assert.Equal(2, (await TakeAsync(pool)).Number);
    }

    [Fact]
    public async Task One_that_others_have_although_the_connection_lives_is_lost_and_said()
    {
        PermitPool pool = Pool();
        Permit permit = await TakeAsync(pool);
        _broker.Held[permit.Number] = new object();
        _clock.Advance(TimeSpan.FromSeconds(3));
        await _turns.TurnAsync(_open, default);
        Assert.True(permit.Lost.IsCompleted);
        Assert.Equal(0, pool.Used);
        pool.Return(permit);
        Assert.Null(pool.TryTake());
    }

    [Fact]
    public async Task One_that_is_gone_from_the_broker_and_that_nobody_has_is_held_again()
    {
        PermitPool pool = Pool();
        Permit permit = await TakeAsync(pool);
        _broker.Held.Clear();
        _clock.Advance(TimeSpan.FromSeconds(3));
        await _turns.TurnAsync(_open, default);
        Assert.False(permit.IsLost);
        Assert.Equal([permit.Number], _broker.Held.Keys);
    }

    [Fact]
    public async Task A_declare_without_an_answer_is_used_by_nobody_and_given_back()
    {
        PermitPool pool = Pool();
        _ = pool.Waiters.WaitAsync(default);
        _broker.Fails = true;
        await Assert.ThrowsAsync<TimeoutException>(() => _turns.TurnAsync(_open, default));
        Assert.Single(_broker.Held);
        Assert.Null(pool.TryTake());
        _broker.Fails = false;
        await _turns.TurnAsync(_open, default);
        Assert.Single(_broker.Held);
        Assert.NotNull(pool.TryTake());
    }

    [Fact]
    public async Task A_release_without_an_answer_is_asked_again_and_no_other_permit_leaks()
    {
        PermitPool pool = Pool();
        Permit[] permits = [await TakeAsync(pool), await TakeAsync(pool)];
        Array.ForEach(permits, pool.Return);
        _clock.Advance(TimeSpan.FromSeconds(1.5));
        _broker.Fails = true;
        await Assert.ThrowsAsync<TimeoutException>(() => _turns.TurnAsync(_open, default));
        _broker.Fails = false;
        await _turns.TurnAsync(_open, default);
        Assert.Empty(_broker.Held);
        Assert.Null(pool.TryTake());
    }

    [Fact]
    public async Task What_was_of_a_lost_connection_is_used_no_more()
    {
        TaskCompletionSource<string> lost = new();
        OpenConnection first = new(null!, lost.Task);
        PermitPool pool = Pool();
        _ = pool.Waiters.WaitAsync(default);
        await _turns.TurnAsync(first, default);
        Permit permit = pool.TryTake()!;
        lost.SetResult("cut");
        _broker.Held.Clear();
        pool.Return(permit);
        Assert.Null(pool.TryTake());
        Assert.Same(_open, (await TakeAsync(pool)).Of);
    }

    private PermitPool Pool()
    {
        PermitPool pool = new(_clock);
        _turns = new PermitTurns(pool, Most, _broker, _clock);
        return pool;
    }

    private async Task<Permit> TakeAsync(PermitPool pool)
    {
        Task waiting = pool.Waiters.WaitAsync(default);
        await _turns.TurnAsync(_open, default);
        await waiting;
        return pool.TryTake()!;
    }

    private sealed class Broker : IPermitQueues
    {
        public Dictionary<int, object> Held { get; } = [];

        /// <summary>What it is asked for is done, and not answered.</summary>
        public bool Fails { get; set; }

        public Task<bool> TryHoldAsync(OpenConnection open, int number, CancellationToken stopping) => TryKeepAsync(open, number, stopping);

        public Task<bool> TryKeepAsync(OpenConnection open, int number, CancellationToken stopping)
        {
            Held.TryAdd(number, open);
            return AnswerAsync(ReferenceEquals(Held[number], open));
        }

        public Task ReleaseAsync(OpenConnection open, int number, CancellationToken stopping) =>
            AnswerAsync(!Held.TryGetValue(number, out object? holder) || (ReferenceEquals(holder, open) && Held.Remove(number)));

        private Task<bool> AnswerAsync(bool answer) => Fails ? Task.FromException<bool>(new TimeoutException()) : Task.FromResult(answer);
    }
}
