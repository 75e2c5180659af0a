using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// The permits for starts that a slot has in the lane it takes from, where that or its queue has a rate. It enters with one, and goes on with the next one alone: without
/// it the broker is told before the task starts that it is the last one here, for otherwise its acknowledgement would bring another.
/// </summary>
internal sealed class SlotRate(RatePools rates)
{
    // From so many a second on a slot takes the permit for its next task beforehand. Below, to leave the lane and enter it again costs little, and a permit that
    // a slot holds for as long as a task runs is one that no other can use.
    private const int Fast = 100;

    private readonly Lock _lock = new();
    private readonly Queue<RatePermit> _permits = new();
    private RatePool? _pool;

    /// <summary>What it takes from has a rate.</summary>
    public bool IsThere => _pool is not null;

    /// <summary>Cancelled when what it has may not be used any more: the leader has not been heard of for long.</summary>
    public CancellationToken Invalid => _pool?.Valid.Paused ?? CancellationToken.None;

    /// <summary>Whether a task of a lane may start, as far as is known: there is a permit that is free, or it has one for where it takes from now.</summary>
    public bool IsOpen(TaskLane lane) => rates.Of(lane) is not { } pool || !pool.Switch.IsPaused || (pool == _pool && _permits.Count > 0);

    /// <summary>Whether there may be a permit within a time, as far as is known.</summary>
    public bool MayOpenWithin(TaskLane lane, TimeSpan time) => rates.Of(lane) is not { } pool || pool.MayHaveWithin(time);

    /// <summary>Waits until there may be a permit; null where a lane needs none.</summary>
    public Task? WaitAsync(TaskLane lane, CancellationToken stopping) => rates.Of(lane)?.Waiters.WaitAsync(stopping);

    /// <summary>Says that a slot would take one, though it does not wait.</summary>
    public void Ask(TaskLane lane) => rates.Of(lane)?.Waiters.Ask();

    /// <summary>Enters a lane.</summary>
    /// <returns>False where it may not.</returns>
    public bool TryEnter(TaskLane lane)
    {
        lock (_lock)
        {
            _pool = rates.Of(lane);
            if (_pool is null || TryTake(_pool))
            {
                return true;
            }

            _pool = null;
            return false;
        }
    }

    /// <summary>A task has come; whether it is the last one here.</summary>
    public bool IsLast()
    {
        lock (_lock)
        {
            return _pool is { } pool && !(pool.Rate.ASecond >= Fast && (_permits.Count > 1 || TryTake(pool)));
        }
    }

    /// <summary>Waits, for a few milliseconds at most, until the task may start.</summary>
    public async Task WaitDueAsync(TimeProvider clock)
    {
        while (DueIn() is { Ticks: > 0 } wait)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), clock);
        }
    }

    /// <summary>Whether it may start a task.</summary>
    public bool IsValid()
    {
        lock (_lock)
        {
            return _pool is not null && _permits.TryPeek(out RatePermit permit) && _pool.IsValid(permit);
        }
    }

    /// <summary>The task starts.</summary>
    public void Use()
    {
        lock (_lock)
        {
            if (_pool is not null)
            {
                _permits.TryDequeue(out RatePermit permit);
                _pool.Use(permit);
            }
        }
    }

    /// <summary>It takes no more from the lane.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            while (_permits.TryDequeue(out RatePermit permit))
            {
                _pool!.Return(permit);
            }

            _pool = null;
        }
    }

    private TimeSpan? DueIn()
    {
        lock (_lock)
        {
            return _pool is not null && _permits.TryPeek(out RatePermit permit) ? _pool.Until(permit) : null;
        }
    }

    private bool TryTake(RatePool pool)
    {
        if (pool.TryTake() is not { } permit)
        {
            return false;
        }

        _permits.Enqueue(permit);
        return true;
    }
}
