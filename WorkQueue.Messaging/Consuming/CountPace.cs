namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// How often the lanes of a worker are counted: twice in the time that a task takes, so that one which has just got tasks is seen before most slots have ended theirs;
/// within what the broker is to be asked.
/// </summary>
internal sealed class CountPace(int lanes, TimeProvider clock)
{
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _shortest = Longer(TimeSpan.FromMilliseconds(20), lanes * TimeSpan.FromMilliseconds(1));
    private readonly TimeSpan _longest = Longer(Window, lanes * TimeSpan.FromMilliseconds(5));
    private long _dueAt = clock.GetTimestamp();
    private long _since = clock.GetTimestamp();
    private long _taken;
    private long _interval = Longer(Window, lanes * TimeSpan.FromMilliseconds(5)).Ticks;

    /// <summary>The time from one count of a lane to its next.</summary>
    public TimeSpan Interval => new(Volatile.Read(ref _interval));

    /// <summary>A slot has taken a task.</summary>
    public void Taken() => Interlocked.Increment(ref _taken);

    /// <summary>Whether it is an interval since it last was; of one caller at a time.</summary>
    /// <param name="slots">How many take tasks.</param>
    public bool IsDue(int slots)
    {
        if (clock.GetElapsedTime(_dueAt) < Interval)
        {
            return false;
        }

        _dueAt = clock.GetTimestamp();
        TimeSpan elapsed = clock.GetElapsedTime(_since, _dueAt);
        if (elapsed >= Window)
        {
            _since = _dueAt;
            long taken = Interlocked.Exchange(ref _taken, 0);
            TimeSpan ofTask = taken == 0 ? _longest : elapsed * slots / taken / 2;
            Volatile.Write(ref _interval, Math.Clamp(ofTask.Ticks, _shortest.Ticks, _longest.Ticks));
        }

        return true;
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
