using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>By what a slot may take from a lane with a limit or a rate, its own or its queue's: a permit for as long as it takes from there, and one for each start.</summary>
internal sealed class SlotLimits(PermitPools permits)
{
    private static readonly Task<string> Never = new TaskCompletionSource<string>().Task;

    private readonly SlotRate _rate = new(permits.Rates);
    private volatile Permit? _permit;

    /// <summary>The permits for starts where it takes from; null where there is no rate.</summary>
    public SlotRate? Rate => _rate.IsThere ? _rate : null;

    /// <summary>It has taken none: where it takes from needs none.</summary>
    public bool AreNone => _permit is null && Rate is null;

    /// <summary>Completes, with the reason, when others have the permit by which it takes.</summary>
    public Task<string> PermitLost => _permit?.Lost ?? Never;

    /// <summary>Whether it may take by a connection: a permit is lost with the one that it was held by.</summary>
    public bool MayTakeBy(OpenConnection open) => _permit is not { } permit || permit.Of == open;

    /// <summary>Takes what it needs for a lane.</summary>
    /// <returns>False where another slot was faster; then it has nothing.</returns>
    public bool TryEnter(TaskLane lane)
    {
        if (!_rate.TryEnter(lane))
        {
            return false;
        }

        _permit = permits.Of(lane)?.TryTake();
        if (_permit is not null || permits.Of(lane) is null)
        {
            return true;
        }

        _rate.Leave();
        return false;
    }

    /// <summary>It takes no more from a lane.</summary>
    public void Leave(TaskLane lane)
    {
        _rate.Leave();
        if (Interlocked.Exchange(ref _permit, null) is { } permit)
        {
            permits.Of(lane)!.Return(permit);
        }
    }

    /// <summary>Whether it could take from a lane, by what it has in the current one or by what is free.</summary>
    public bool IsOpen(TaskLane lane, TaskLane current) => HasPermit(lane, current) && _rate.IsOpen(lane);

    /// <summary>Whether it could within a time, as far as is known; of permits to run at once nobody knows when there is one.</summary>
    public bool MayOpenWithin(TaskLane lane, TimeSpan time) => _rate.MayOpenWithin(lane, time);

    /// <summary>Says that it would take what a lane needs, though it does not wait.</summary>
    public void Ask(TaskLane lane)
    {
        permits.Of(lane)?.Waiters.Ask();
        _rate.Ask(lane);
    }

    /// <summary>Waits until there may be what a lane needs: one after the other, for a permit to run at once need not lie there while its lane waits for the rate.</summary>
    public Task WaitAsync(TaskLane lane, CancellationToken stopping) =>
        !_rate.IsOpen(lane) ? _rate.WaitAsync(lane, stopping)! : permits.Of(lane)?.Waiters.WaitAsync(stopping) ?? Task.CompletedTask;

    private bool HasPermit(TaskLane lane, TaskLane current) => permits.Of(lane) is not { } limit || !limit.Switch.IsPaused || (_permit is not null && permits.Of(current) == limit);
}
