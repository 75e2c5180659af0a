namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// The threads for the handlers. One that blocks its thread takes it from all others, the client's among them, which then answers no heartbeat: the
/// connection is lost and every task with it. The pool makes a few new threads a second only, except up to the number it is told to have ready.
/// </summary>
internal sealed class ThreadSupply(TimeProvider clock)
{
    // Longer than a busy machine leaves a ready thread waiting.
    private static readonly TimeSpan Shortage = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Told = TimeSpan.FromMinutes(1);

    private long _lastTick;
    private long _shortAt;
    private TimeSpan _shortFor;

    /// <summary>Says for a minute that no thread was free for long.</summary>
    public string? Problem => _shortAt != 0 && clock.GetElapsedTime(_shortAt) < Told
        ? $"handlers block their threads: for {_shortFor.TotalSeconds:0.0} s none was free; await instead of blocking, or lower {WorkQueueOptions.Section}:Worker:Concurrency"
        : null;

    /// <summary>Has a thread ready for each task that may run at once, besides those of the program.</summary>
    public static void Provide(int slots)
    {
        ThreadPool.GetMinThreads(out int workers, out int completions);
        ThreadPool.SetMinThreads(Math.Max(workers, Environment.ProcessorCount + slots), completions);
    }

    /// <summary>Called by a timer: when it comes late there was no thread for it.</summary>
    /// <param name="interval">The timer's.</param>
    /// <returns>Whether there was a shortage just now.</returns>
    public bool Tick(TimeSpan interval)
    {
        long now = clock.GetTimestamp();
        TimeSpan late = _lastTick == 0 ? TimeSpan.Zero : clock.GetElapsedTime(_lastTick, now) - interval;
        _lastTick = now;
        if (late < Shortage)
        {
            return false;
        }

        (_shortAt, _shortFor) = (now, late);
        return true;
    }
}
