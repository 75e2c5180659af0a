using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Which lane of its worker's queues a slot takes from. With one there is nothing to choose, unless it is paused. From one with a limit it takes
/// with a permit alone, which it holds until it leaves; from one with a rate with a permit for each start.
/// </summary>
internal sealed class SlotQueues(QueueLevels levels, ControlLog control, PermitPools permits, LaneRests rests, TimeProvider clock)
{
    // How long a slot that has other queues waits for a permit, when it is the turn of a limited one. Where a rate allows no start by then it does not wait.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400);

    // To go to another lane takes some milliseconds.
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(100);

    // By the first lane of a queue.
    private readonly long[] _takenOf = new long[levels.Lanes.Count];
    private readonly SlotLimits _limits = new(permits);
    private volatile int _current;
    private volatile bool _isIn;
    private long _enteredAt;
    private long _askedAt;
    private long _taken;

    /// <summary>All of them, those of the preferred queue first.</summary>
    public IReadOnlyList<TaskLane> All => levels.Lanes;

    /// <summary>The one it takes from at the moment.</summary>
    public TaskLane Current => All[_current];

    /// <summary>Nothing is to be taken from any of them: they are paused, or as many take from them as may.</summary>
    public bool AreClosed => Enumerable.Range(0, All.Count).All(index => !IsOpen(index));

    /// <summary>Cancelled when nothing more is to be taken from the current one.</summary>
    public CancellationToken Paused => SwitchOf(Current).Paused;

    /// <summary>The permits for starts in the current one; null where it has no rate.</summary>
    public SlotRate? Rate => _limits.Rate;

    /// <summary>Completes, with the reason, when others have the permit by which it takes from the current one.</summary>
    public Task<string> PermitLost => _limits.PermitLost;

    /// <summary>Chooses where the next task is to come from; waits while none is open. <see cref="Leave"/> is to follow.</summary>
    public async Task ChooseAsync(CancellationToken stopping)
    {
        await levels.Known.WaitAsync(stopping);
        if (All.Count > 1 && LimitWhoseTurnItIs() is { } limit)
        {
            using CancellationTokenSource waited = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(_limits.WaitAsync(limit, waited.Token), Task.Delay(Patience, clock, waited.Token));
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
    public bool MayTakeBy(OpenConnection open) => _limits.MayTakeBy(open);

    /// <summary>It takes no more from the current one.</summary>
    public void Leave()
    {
        _limits.Leave(Current);
        _isIn = false;
        levels.Leave(_current);
    }

    /// <summary>A task is about to run; whether the next is to come from another lane. Decided meanwhile: once it is acknowledged this one would give the next.</summary>
    public bool LeavesAfterThis()
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

        return Leaves(isIdle: false, QueueOrder.IsOthersTurn(taken) ? Unpaused(false) : Ready());
    }

    /// <summary>Whether the next task is to come from another lane than this one, by what has changed there.</summary>
    public bool LeavesNow(bool isIdle)
    {
        if (All.Count == 1)
        {
            return false;
        }

        if (isIdle)
        {
            AskForClosed();
        }

        return Leaves(isIdle, Ready());
    }

    // Not idle it may hold another task, however many were counted a moment ago.
    private bool Leaves(bool isIdle, long?[] ready)
    {
        int current = _current;
        ready[current] = ready[current] is { } count && !isIdle ? Math.Max(1, count) : ready[current];
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
        if (Next(Ready()) is not { } next || !_limits.TryEnter(All[next]))
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
        foreach (int index in Enumerable.Range(0, All.Count).Where(index => levels.Ready[index] > 0 && !IsPaused(index) && !IsOpen(index)))
        {
            _limits.Ask(All[index]);
        }
    }

    private long?[] Ready() => [.. levels.Ready.Select((count, index) => IsOpen(index) ? count : (long?)null)];

    // As if it had a permit for each queue, and for each lane or only those of other queues.
    private long?[] Unpaused(bool withLanes) => [.. levels.Ready.Select((count, index) => IsOpen(index) || MayOpenSoon(index, withLanes) ? count : (long?)null)];

    private bool MayOpenSoon(int index, bool withLanes) =>
        (withLanes || !All[index].IsLimited || All[index].Queue != Current.Queue) && !IsPaused(index) && _limits.MayOpenWithin(All[index], Patience);

    private bool IsOpen(int index) => !IsPaused(index) && _limits.IsOpen(All[index], Current);

    // A permit is asked for where tasks wait for it, or where there is nothing else to take.
    private Task WaitOpenAsync(int index, Task changed, CancellationToken stopping) =>
        rests.Rests(All[index]) ? rests.WaitAsync(All[index], stopping)
        : SwitchOf(All[index]) is { IsPaused: true } paused ? paused.WaitResumedAsync(stopping)
        : All.Count > 1 && levels.Ready[index] == 0 ? changed.WaitAsync(stopping) : _limits.WaitAsync(All[index], stopping);

    private bool IsPaused(int index) => SwitchOf(All[index]).IsPaused || rests.Rests(All[index]);

    private PauseSwitch SwitchOf(TaskLane lane) => control.SwitchOf(lane.Queue.Name);
}
