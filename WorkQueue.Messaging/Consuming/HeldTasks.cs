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

    /// <summary>One more.</summary>
    public void Add()
    {
        lock (_lock)
        {
            if (++_count >= most)
            {
                _full?.TrySetResult();
            }
        }
    }

    /// <summary>One fewer.</summary>
    public void Remove()
    {
        lock (_lock)
        {
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
            if (_count >= most)
            {
                return true;
            }

            _full = full;
        }

        await full.Task.WaitAsync(limit, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return full.Task.IsCompleted;
    }
}
