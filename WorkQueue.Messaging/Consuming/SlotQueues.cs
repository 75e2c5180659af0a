using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Which of its worker's queues a slot takes from. With one queue there is nothing to choose, unless it is paused. From a queue with a limit it takes
/// with a permit alone, which it holds until it leaves.
/// </summary>
internal sealed class SlotQueues(QueueLevels levels, ControlLog control, PermitPools permits, TimeProvider clock)
{
    // How long a slot that has other queues waits for a permit, when it is the turn of a limited one.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400);

    private static readonly Task<string> Never = new TaskCompletionSource<string>().Task;

    private readonly SlotRate _rate = new(permits.Rates);
    private volatile int _current;
    private volatile Permit? _permit;
    private long _taken;

    /// <summary>All of them, the preferred first.</summary>
    public IReadOnlyList<TaskQueue> All => levels.Queues;

    /// <summary>The one it takes from at the moment.</summary>
    public TaskQueue Current => All[_current];

    /// <summary>Nothing is to be taken from any of them: they are paused, or as many take from them as may.</summary>
    public bool AreClosed => Enumerable.Range(0, All.Count).All(index => !IsOpen(index));

    /// <summary>Cancelled when nothing more is to be taken from the current one.</summary>
    public CancellationToken Paused => SwitchOf(Current).Paused;

    /// <summary>The permits for starts in the current one; null where it has no rate.</summary>
    public SlotRate? Rate => _rate.IsThere ? _rate : null;

    /// <summary>Completes, with the reason, when others have the permit by which it takes from the current one.</summary>
    public Task<string> PermitLost => _permit?.Lost ?? Never;

    /// <summary>Chooses where the next task is to come from; waits while none is open. <see cref="Leave"/> is to follow.</summary>
    public async Task ChooseAsync(CancellationToken stopping)
    {
        await levels.Known.WaitAsync(stopping);
        if (All.Count > 1 && LimitWhoseTurnItIs() is { } limit)
        {
            using CancellationTokenSource waited = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(WaitLimitAsync(limit, waited.Token), Task.Delay(Patience, clock, waited.Token));
            await waited.CancelAsync();
        }

        while (!TryChoose())
        {
            using CancellationTokenSource chosen = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(All.Select(queue => WaitOpenAsync(queue, chosen.Token)));
            await chosen.CancelAsync();
            stopping.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Whether it may take from the current one by a connection: a permit is lost with the one that it was held by.</summary>
    public bool MayTakeBy(OpenConnection open) => _permit is not { } permit || permit.Of == open;

    /// <summary>It takes no more from the current one.</summary>
    public void Leave()
    {
        _rate.Leave();
        if (Interlocked.Exchange(ref _permit, null) is { } permit)
        {
            permits.Of(Current)!.Return(permit);
        }
    }

    /// <summary>A task is about to run; whether the next is to come from another queue. Decided meanwhile: once it is acknowledged the queue would give the next one.</summary>
    public bool LeavesAfterThis()
    {
        long taken = Interlocked.Increment(ref _taken);
        return All.Count > 1 && QueueOrder.Leaves(_current, isIdle: false, QueueOrder.IsOthersTurn(taken) ? Unpaused() : Ready(), taken);
    }

    /// <summary>Whether the next task is to come from another queue than this one, by what has changed there.</summary>
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

        return QueueOrder.Leaves(_current, isIdle, Ready(), Volatile.Read(ref _taken));
    }

    private bool TryChoose()
    {
        if (QueueOrder.Next(Ready(), Volatile.Read(ref _taken)) is not { } next)
        {
            return false;
        }

        if (!_rate.TryEnter(All[next]))
        {
            return false;
        }

        if (permits.Of(All[next]) is { } limit)
        {
            // Another slot may have been faster.
            _permit = limit.TryTake();
            if (_permit is null)
            {
                _rate.Leave();
                return false;
            }
        }

        _current = next;
        return true;
    }

    private TaskQueue? LimitWhoseTurnItIs()
    {
        long taken = Volatile.Read(ref _taken);
        return QueueOrder.IsOthersTurn(taken) && QueueOrder.Next(Unpaused(), taken) is { } next && !IsOpen(next) ? All[next] : null;
    }

    private void AskForClosed()
    {
        foreach (int index in Enumerable.Range(0, All.Count).Where(index => levels.Ready[index] > 0 && !SwitchOf(All[index]).IsPaused && !IsOpen(index)))
        {
            permits.Of(All[index])?.Ask();
            _rate.Ask(All[index]);
        }
    }

    private long?[] Ready() => [.. levels.Ready.Select((count, index) => IsOpen(index) ? count : (long?)null)];

    // As if it had a permit for each.
    private long?[] Unpaused() => [.. levels.Ready.Select((count, index) => SwitchOf(All[index]).IsPaused ? (long?)null : count)];

    private bool IsOpen(int index)
    {
        TaskQueue queue = All[index];
        return !SwitchOf(queue).IsPaused && ((index == _current && _permit is not null) || permits.Of(queue) is not { } limit || !limit.Switch.IsPaused)
            && ((index == _current && _rate.Holds) || _rate.IsOpen(queue));
    }

    private Task WaitOpenAsync(TaskQueue queue, CancellationToken stopping) =>
        SwitchOf(queue) is { IsPaused: true } paused ? paused.WaitResumedAsync(stopping) : WaitLimitAsync(queue, stopping);

    // For one after the other: a permit to run at once need not lie there while its queue waits for the rate.
    private Task WaitLimitAsync(TaskQueue queue, CancellationToken stopping) =>
        !_rate.IsOpen(queue) ? _rate.WaitAsync(queue, stopping)! : permits.Of(queue)?.WaitAsync(stopping) ?? Task.CompletedTask;

    private PauseSwitch SwitchOf(TaskQueue queue) => control.SwitchOf(queue.Name);
}
