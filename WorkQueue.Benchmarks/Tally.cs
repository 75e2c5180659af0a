using System.Diagnostics;

namespace WorkQueue.Benchmarks;

/// <summary>Counts tasks as they are done, and the time from the first to the last.</summary>
internal sealed class Tally(int expected)
{
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private long _first;
    private long _last;

    /// <summary>Completes with the last one.</summary>
    public Task All => _all.Task;

    /// <summary>Tasks a second, between the first and the last.</summary>
    public double Rate => (expected - 1) / Seconds;

    /// <summary>Seconds from the first to the last.</summary>
    public double Seconds => Stopwatch.GetElapsedTime(_first, _last).TotalSeconds;

    /// <summary>One is done.</summary>
    public void Mark()
    {
        int count = Interlocked.Increment(ref _count);
        if (count == 1)
        {
            _first = Stopwatch.GetTimestamp();
        }

        if (count == expected)
        {
            _last = Stopwatch.GetTimestamp();
            _all.SetResult();
        }
    }
}
