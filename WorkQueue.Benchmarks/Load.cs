using System.Diagnostics;

namespace WorkQueue.Benchmarks;

/// <summary>Callers that do the same thing again and again, each waiting for its own.</summary>
internal static class Load
{
    /// <summary>How often a second all of them together did it, after a while of warming up.</summary>
    /// <param name="callers">How many.</param>
    /// <param name="time">How long it is counted.</param>
    /// <param name="act">What they do.</param>
    /// <param name="blocks">Whether that blocks, so that each needs a thread of its own.</param>
    public static async Task<double> RateAsync(int callers, TimeSpan time, Func<Task> act, bool blocks = false)
    {
        long done = 0;
        bool ended = false;
        Task all = AllAsync(callers, blocks, async () =>
        {
            while (!Volatile.Read(ref ended))
            {
                await act();
                Interlocked.Increment(ref done);
            }
        });
        await Task.Delay(time / 4, TimeProvider.System);
        long before = Interlocked.Read(ref done);
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(time, TimeProvider.System);
        double rate = (Interlocked.Read(ref done) - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref ended, true);
        await all;
        return rate;
    }

    /// <summary>Does it so many times.</summary>
    public static Task TimesAsync(int callers, int count, Func<Task> act, bool blocks = false)
    {
        int started = 0;
        return AllAsync(callers, blocks, async () =>
        {
            while (Interlocked.Increment(ref started) <= count)
            {
                await act();
            }
        });
    }

    private static Task AllAsync(int callers, bool blocks, Func<Task> call) => Task.WhenAll(Enumerable.Range(0, callers).Select(_ =>
        blocks ? Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap() : Task.Run(call)));
}
