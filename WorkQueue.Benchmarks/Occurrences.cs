using System.Collections.Concurrent;
using System.Diagnostics;

namespace WorkQueue.Benchmarks;

/// <summary>When the tasks of schedules of every second ran.</summary>
internal sealed class Occurrences(int schedules)
{
    private readonly ConcurrentQueue<long>[] _runs = [.. Enumerable.Range(0, schedules).Select(_ => new ConcurrentQueue<long>())];
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One of a schedule runs.</summary>
    public void Mark(int schedule)
    {
        _runs[schedule].Enqueue(Stopwatch.GetTimestamp());
        if (_runs.All(runs => !runs.IsEmpty))
        {
            _begun.TrySetResult();
        }
    }

    /// <summary>From when each has run once: the share that ran of what was due in so many seconds, and the most milliseconds between two runs of a schedule.</summary>
    public async Task<double[]> MeasureAsync(int seconds)
    {
        await _begun.Task;
        // What is due on the second is not to be cut by the ends of the time.
        await Task.Delay(TimeSpan.FromSeconds(0.5), TimeProvider.System);
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System);
        long end = Stopwatch.GetTimestamp();
        int ran = _runs.Sum(runs => runs.Count(at => at > start && at <= end));
        double longest = _runs.Max(runs => Gaps([runs.Last(at => at <= start), .. runs.Where(at => at > start && at <= end), end]).Max());
        return [ran / (Stopwatch.GetElapsedTime(start, end).TotalSeconds * schedules), longest];
    }

    private static IEnumerable<double> Gaps(long[] moments) => moments.Zip(moments.Skip(1), (one, next) => Stopwatch.GetElapsedTime(one, next).TotalMilliseconds);
}
