namespace WorkQueue.Testing.Clocks;

/// <summary>Knows of one run whether its code goes on, or waits for what only the clock or another task brings.</summary>
internal sealed class RunWatch
{
    private int _threads;
    private int _waits;
    private long _version;

    /// <summary>Changes whenever something happens in the run.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>No thread is in its code, and it waits.</summary>
    public bool IsStill => Volatile.Read(ref _threads) == 0 && Volatile.Read(ref _waits) > 0;

    /// <summary>A thread goes on with its code.</summary>
    public void Enter() => Count(ref _threads, 1);

    /// <summary>A thread leaves its code, which has ended or awaits something.</summary>
    public void Leave() => Count(ref _threads, -1);

    public void BeginWait() => Count(ref _waits, 1);

    public void EndWait() => Count(ref _waits, -1);

    /// <summary>Something happened that may let it go on.</summary>
    public void Touch() => Interlocked.Increment(ref _version);

    private void Count(ref int count, int by)
    {
        Interlocked.Add(ref count, by);
        Touch();
    }
}
