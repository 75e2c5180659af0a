using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Which lane of its worker's queues a slot takes from. With one there is nothing to choose, unless it is paused. From one with a limit it takes
/// with a permit alone, which it holds until it leaves; from one with a rate with a permit for each start.
/// </summary>
internal sealed class SlotQueues(QueueLevels levels, SlotLimits limits, LaneGates gates, TimeProvider clock)
{
    // How long a slot that has other queues waits for a permit, when it is the turn of a limited one. Where a rate allows no start by then it does not wait.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400);

    // To go to another lane takes some milliseconds.
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(100);

    // By the first lane of a queue.
    private readonly long[] _takenOf = new long[levels.Lanes.Count];
    private volatile int _current;
    private volatile bool _isIn;
    private long _enteredAt;
    private long _askedAt;
    private long _lookedAt;
    private long _taken;

    /// <summary>All of them, those of the preferred queue first.</summary>
    public IReadOnlyList<TaskLane> All => levels.Lanes;

    /// <summary>The one it takes from at the moment.</summary>
    public TaskLane Current => All[_current];

    /// <summary>Nothing is to be taken from any of them: they are paused, or as many take from them as may.</summary>
    public bool AreClosed => Enumerable.Range(0, All.Count).All(index => !IsOpen(index));

    /// <summary>Cancelled when nothing more is to be taken from the current one.</summary>
    public CancellationToken Paused => gates.SwitchOf(Current).Paused;

    /// <summary>The permits for starts in the current one; null where it has no rate.</summary>
    public SlotRate? Rate => limits.Rate;

    /// <summary>It takes from the current one without a permit.</summary>
    public bool IsFree => limits.AreNone;

    /// <summary>Completes, with the reason, when others have the permit by which it takes from the current one.</summary>
    public Task<string> PermitLost => limits.PermitLost;

    /// <summary>Chooses where the next task is to come from; waits while none is open. <see cref="Leave"/> is to follow.</summary>
    public async Task ChooseAsync(CancellationToken stopping)
    {
        await levels.Known.WaitAsync(stopping);
        if (All.Count > 1 && LimitWhoseTurnItIs() is { } limit)
        {
            using CancellationTokenSource waited = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(limits.WaitAsync(limit, waited.Token), Task.Delay(Patience, clock, waited.Token));
            await waited.CancelAsync();
        }

        while (true)
        {
            Task changed = levels.Changed;
            if (TryChoose())
            {
                return;
            }

            using CancellationTokenSource chosen = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(Enumerable.Range(0, All.Count).Select(index => WaitOpenAsync(index, changed, chosen.Token)));
            await chosen.CancelAsync();
            stopping.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Whether it may take from the current one by a connection: a permit is lost with the one that it was held by.</summary>
    public bool MayTakeBy(OpenConnection open) => limits.MayTakeBy(open);

    /// <summary>It takes no more from the current one.</summary>
    public void Leave()
    {
        limits.Leave(Current);
        _isIn = false;
        levels.Leave(_current);
    }

    /// <summary>A task is about to run; whether the next is to come from another lane. Decided meanwhile: once it is acknowledged this one would give the next.</summary>
    /// <param name="takesNext">Whether the next one, if it stays, is still in the queue: it holds no others, and is not leaving.</param>
    public bool LeavesAfterThis(bool takesNext)
    {
        long taken = Interlocked.Increment(ref _taken);
        if (All.Count == 1)
        {
            return false;
        }

        levels.Taken();
        _takenOf[levels.FirstOf(_current)]++;
        if (Current.Queue.Lanes.Order != LaneOrder.One || QueueOrder.IsOthersTurn(taken))
        {
            AskForClosed();
        }

        long?[] ready = QueueOrder.IsOthersTurn(taken) ? Unpaused(false) : Ready();
        if (Leaves(!IsEmptyBehind(takesNext, ready), ready))
        {
            return true;
        }

        // That was the last one that was known of. Others may have come since: with many lanes its next count may be seconds away.
        if (takesNext && levels.Reserve(_current) == 0 && IsLeftIfEmpty())
        {
            levels.CountNow(_current);
        }

        return false;
    }

    /// <summary>Whether the next task is to come from another lane than this one, by what has changed there.</summary>
    /// <param name="idle">How long it has had no task.</param>
    /// <param name="holdsMany">Whether it may hold others besides the one it runs.</param>
    public bool LeavesNow(TimeSpan idle, bool holdsMany)
    {
        if (All.Count == 1)
        {
            return false;
        }

        if (idle > TimeSpan.Zero)
        {
            AskForClosed();
        }

        long?[] ready = Ready();
        return Leaves(!(idle > TimeSpan.Zero ? idle >= levels.ShortIdle || levels.IsEmpty(_current) : IsEmptyBehind(!holdsMany, ready)), ready);
    }

    /// <summary>Where it gets nothing, though its lane was counted with tasks, and another lane would give it something, that is counted again: others may have taken them.</summary>
    /// <param name="idle">How long it has had no task.</param>
    public void Look(TimeSpan idle)
    {
        // Once in each time that it gets nothing.
        if (All.Count > 1 && idle >= levels.ShortIdle && clock.GetElapsedTime(_lookedAt) > idle && IsLeftIfEmpty())
        {
            _lookedAt = clock.GetTimestamp();
            levels.CountNow(_current);
        }
    }

    // Behind the task that runs. Where no other has tasks either it stays, for the next one may well come here.
    private bool IsEmptyBehind(bool takesNext, long?[] ready) => takesNext && levels.IsEmpty(_current) && ready.Any(count => count > 0);

    private bool IsLeftIfEmpty()
    {
        int current = _current;
        long?[] ready = Ready();
        ready[current] = ready[current] is null ? null : 0;
        return _isIn && ready.Any(count => count > 0) && Next(ready) != current;
    }

    // It leaves only what is known to be empty, and what it holds is counted no more.
    private bool Leaves(bool mayHaveMore, long?[] ready)
    {
        int current = _current;
        ready[current] = ready[current] is { } count && mayHaveMore ? Math.Max(1, count) : ready[current];
        return Next(ready) is { } next && next != current;
    }

    private int? Next(IReadOnlyList<long?> ready)
    {
        int? current = _isIn ? _current : null;
        LaneChoice choice = new(All, ready, index => levels.Slots[index] - (index == current ? 1 : 0));
        return choice.Next(current ?? _current, Volatile.Read(ref _taken), first => _takenOf[first], clock.GetElapsedTime(_enteredAt) >= Turn);
    }

    private bool TryChoose()
    {
        if (Next(Ready()) is not { } next || !limits.TryEnter(All[next]))
        {
            return false;
        }

        _current = next;
        _isIn = true;
        _enteredAt = clock.GetTimestamp();
        levels.Enter(next);
        return true;
    }

    // After a short task the permit of another lane is there by now, if it can be had: it was asked for when the task began.
    private TaskLane? LimitWhoseTurnItIs()
    {
        bool isLong = Volatile.Read(ref _taken) > 0 && Current.Queue.Lanes.Order != LaneOrder.One && clock.GetElapsedTime(_askedAt) >= PermitPool.LongestFree;
        return (isLong || QueueOrder.IsOthersTurn(Volatile.Read(ref _taken))) && Next(Unpaused(isLong)) is { } next && !IsOpen(next) ? All[next] : null;
    }

    private void AskForClosed()
    {
        _askedAt = clock.GetTimestamp();
        foreach (int index in Enumerable.Range(0, All.Count).Where(index => levels.Ready[index] > 0 && !gates.IsPaused(All[index]) && !IsOpen(index)))
        {
            limits.Ask(All[index]);
        }
    }

    private long?[] Ready() => [.. levels.Ready.Select((count, index) => IsOpen(index) ? count : (long?)null)];

    // As if it had a permit for each queue, and for each lane or only those of other queues.
    private long?[] Unpaused(bool withLanes) => [.. levels.Ready.Select((count, index) => IsOpen(index) || gates.MayOpenWithin(All[index], Current, withLanes, Patience) ? count : (long?)null)];

    private bool IsOpen(int index) => gates.IsOpen(All[index], Current);

    // A permit is asked for where tasks wait for it, or where there is nothing else to take.
    private Task WaitOpenAsync(int index, Task changed, CancellationToken stopping) =>
        All.Count > 1 && levels.Ready[index] == 0 && !gates.IsPaused(All[index]) ? changed.WaitAsync(stopping) : gates.WaitOpenAsync(All[index], stopping);
}
