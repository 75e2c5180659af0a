namespace WorkQueue.Tests.Faults;

/// <summary>Finds the longest time in which something that should go on did not.</summary>
internal sealed class Pauses
{
    private readonly Lock _lock = new();
    private long _last;
    private TimeSpan _longest;

    /// <summary>The longest time between two marks, or from the start to the first, since the start.</summary>
    public TimeSpan Longest
    {
        get
        {
            lock (_lock)
            {
                return _longest;
            }
        }
    }

    /// <summary>Measures from now on.</summary>
    public void Start()
    {
        lock (_lock)
        {
            (_last, _longest) = (TimeProvider.System.GetTimestamp(), TimeSpan.Zero);
        }
    }

    /// <summary>It goes on.</summary>
    public void Mark()
    {
        lock (_lock)
        {
            TimeSpan pause = TimeProvider.System.GetElapsedTime(_last);
            (_last, _longest) = (TimeProvider.System.GetTimestamp(), pause > _longest ? pause : _longest);
        }
    }
}
