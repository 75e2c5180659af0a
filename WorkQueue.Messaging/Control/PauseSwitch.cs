namespace WorkQueue.Messaging.Control;

/// <summary>Whether a queue, or a slot, is to rest, and how to learn of a change.</summary>
#pragma warning disable CA1001 // A source without a timer or wait handle has nothing to dispose of, and its token is in others' hands.
internal sealed class PauseSwitch
#pragma warning restore CA1001
{
    private readonly Lock _lock = new();
    private CancellationTokenSource _pause = new();
    private TaskCompletionSource _resume = Done();

    public bool IsPaused => _pause.IsCancellationRequested;

    /// <summary>One that begins paused.</summary>
    public static PauseSwitch NewPaused()
    {
        PauseSwitch paused = new();
        paused.Set(paused: true);
        return paused;
    }

    /// <summary>Cancelled when it is paused the next time; at once while it is.</summary>
    public CancellationToken Paused
    {
        get
        {
            lock (_lock)
            {
                return _pause.Token;
            }
        }
    }

    /// <summary>Waits until it is not paused.</summary>
    public Task WaitResumedAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _resume.Task.WaitAsync(cancellationToken);
        }
    }

    public void Set(bool paused)
    {
        lock (_lock)
        {
            if (paused && !IsPaused)
            {
                _resume = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _ = _pause.CancelAsync();
            }
            else if (!paused && IsPaused)
            {
                _pause = new CancellationTokenSource();
                _resume.TrySetResult();
            }
        }
    }

    private static TaskCompletionSource Done()
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        done.SetResult();
        return done;
    }
}
