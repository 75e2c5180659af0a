namespace WorkQueue.Messaging.Consuming;

/// <summary>Counts the tasks a consumer holds: delivered, and not settled yet.</summary>
/// <param name="most">How many it may hold.</param>
/// <param name="clock">The clock.</param>
internal sealed class HeldTasks(int most, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _none;
    private TaskCompletionSource? _full;
    private long _noneSince = clock.GetTimestamp();
    private int _count;
    private int _goingOut;
    private bool _isClosed;

    /// <summary>How long it has held none; zero while it holds one.</summary>
    public TimeSpan NoneFor
    {
        get
        {
            lock (_lock)
            {
                return _count == 0 ? clock.GetElapsedTime(_noneSince) : TimeSpan.Zero;
            }
        }
    }

    /// <summary>What comes is not to start.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed);

    /// <summary>If it holds none, nothing that comes is to start.</summary>
    /// <returns>Whether it holds none.</returns>
    public bool TryClose()
    {
        lock (_lock)
        {
            _isClosed |= _count == 0;
            return _isClosed;
        }
    }

    /// <summary>One more.</summary>
    public void Add()
    {
        lock (_lock)
        {
            _count++;
            TellFull();
        }
    }

    /// <summary>Acknowledgements of some are about to be sent: from then on the broker may send others in their place.</summary>
    public void GoOut(int count)
    {
        lock (_lock)
        {
            _goingOut += count;
        }
    }

    /// <summary>They are not, for now.</summary>
    public void StayIn(int count)
    {
        lock (_lock)
        {
            _goingOut -= count;
            TellFull();
        }
    }

    /// <summary>One fewer.</summary>
    public void Remove()
    {
        lock (_lock)
        {
            _goingOut = Math.Max(0, _goingOut - 1);
            if (--_count == 0)
            {
                _noneSince = clock.GetTimestamp();
                _none?.SetResult();
                _none = null;
            }
        }
    }

    /// <summary>Waits until it holds none.</summary>
    /// <returns>False if it still holds one after the limit.</returns>
    public async Task<bool> WaitNoneAsync(TimeSpan limit)
    {
        Task none;
        lock (_lock)
        {
            none = _count == 0 ? Task.CompletedTask : (_none ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        await none.WaitAsync(limit, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return none.IsCompleted;
    }

    /// <summary>Waits until it holds as many as it may.</summary>
    /// <returns>False if it still holds fewer after the limit.</returns>
    public async Task<bool> WaitFullAsync(TimeSpan limit)
    {
        TaskCompletionSource full = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _full = full;
            TellFull();
        }

        await full.Task.WaitAsync(limit, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return full.Task.IsCompleted;
    }

    private void TellFull()
    {
        if (_count - _goingOut >= most)
        {
            _full?.TrySetResult();
        }
    }
}
