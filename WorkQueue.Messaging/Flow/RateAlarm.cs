namespace WorkQueue.Messaging.Flow;

/// <summary>Wakes a pool when something in it changes by the mere passing of time; of one caller at a time.</summary>
internal sealed class RateAlarm(Action wake, TimeProvider clock) : IDisposable
{
    private ITimer? _timer;
    private long _at;

    /// <summary>Has it wake at a moment, in place of the one before.</summary>
    public void Set(long at, long now)
    {
        if (at == _at || at == long.MaxValue)
        {
            return;
        }

        _at = at;
        _timer ??= clock.CreateTimer(_ => wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(TimeSpan.FromTicks(at - now).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    /// <summary>It has.</summary>
    public void Heard() => _at = 0;

    public void Dispose() => _timer?.Dispose();
}
