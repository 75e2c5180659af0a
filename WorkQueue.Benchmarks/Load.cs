using System.Diagnostics;

namespace WorkQueue.Benchmarks;

/// <summary>Callers that do the same thing again and again, each waiting for its own.</summary>
internal static class Load
{
    /// <summary>How often a second all of them together did it, after a while of warming up.</summary>
    public static async Task<double> RateAsync(int callers, TimeSpan time, Func<Task> act)
    {
        long done = 0;
        bool ended = false;
        Task[] all = [.. Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref ended))
            {
                await act();
                Interlocked.Increment(ref done);
            }
        }))];
        await Task.Delay(time / 4, TimeProvider.System);
        long before = Interlocked.Read(ref done);
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(time, TimeProvider.System);
        double rate = (Interlocked.Read(ref done) - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref ended, true);
        await Task.WhenAll(all);
        return rate;
    }

    /// <summary>Does it so many times.</summary>
    public static Task TimesAsync(int callers, int count, Func<Task> act)
    {
        int started = 0;
        return Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref started) <= count)
            {
                await act();
            }
        })));
    }
}
