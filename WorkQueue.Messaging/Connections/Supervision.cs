namespace WorkQueue.Messaging.Connections;

/// <summary>The ways in which this library keeps doing something for as long as a program runs.</summary>
internal static class Supervision
{
    /// <summary>Does something that is not to end. Whenever it does, that is told, and after a wait it is done again.</summary>
    /// <param name="work">The work; it returns, or throws, when it has ended.</param>
    /// <param name="ended">Told why: what was thrown, or null.</param>
    /// <param name="backoff">The wait.</param>
    /// <param name="stopping">Ends it all, without an exception.</param>
    public static async Task KeepAsync(Func<CancellationToken, Task> work, Action<Exception?> ended, Backoff backoff, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await work(stopping);
                Tell(ended, null);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever went wrong, the answer is the same: say it, wait, do it again.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                Tell(ended, failure);
            }

            await backoff.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // It is told to a log, mostly, which may throw what it likes: that ends nothing. A program that was refused for good is to end.
    private static void Tell(Action<Exception?> ended, Exception? failure)
    {
        try
        {
            ended(failure);
        }
#pragma warning disable CA1031 // See above.
        catch (Exception telling) when (telling is not BrokerRefusedException)
#pragma warning restore CA1031
        {
        }
    }

    /// <summary>Does something at every interval. What it throws ends it.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="work">The work; where it takes longer than the interval, the next time comes at once.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="stopping">Ends it, without an exception.</param>
    public static async Task EveryAsync(TimeSpan interval, Func<CancellationToken, Task> work, TimeProvider clock, CancellationToken stopping)
    {
        using PeriodicTimer timer = new(interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                await work(stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Nothing is left to do.
        }
    }
}
