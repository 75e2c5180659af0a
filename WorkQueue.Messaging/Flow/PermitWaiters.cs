using WorkQueue.Messaging.Control;

namespace WorkQueue.Messaging.Flow;

/// <summary>The slots of this process that wait for permits of one kind, or would take one.</summary>
internal sealed class PermitWaiters
{
    private int _waiting;
    private int _asked;

    /// <summary>Paused while this process has none that is free.</summary>
    public PauseSwitch Switch { get; } = PauseSwitch.NewPaused();

    /// <summary>Says that a slot which has something else to do meanwhile would take one.</summary>
    public void Ask() => Volatile.Write(ref _asked, 1);

    /// <summary>Waits until there may be one.</summary>
    public async Task WaitAsync(CancellationToken stopping)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await Switch.WaitResumedAsync(stopping);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>How many slots would take one.</summary>
    public int TakeWanted() => Volatile.Read(ref _waiting) + Interlocked.Exchange(ref _asked, 0);
}
