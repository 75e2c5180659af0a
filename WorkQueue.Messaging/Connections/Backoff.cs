namespace WorkQueue.Messaging.Connections;

/// <summary>Waits between tries: 0.2 s doubling to 30 s unless told otherwise, each between half and all of it at random, so that replicas spread out.</summary>
internal sealed class Backoff(TimeProvider clock, TimeSpan? longest = null)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    // A connection that dies within this time starts where the last wait ended: a flapping link must not be hammered.
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);

    private int _failures;
    private long _openedAt;

    public void Opened() => _openedAt = clock.GetTimestamp();

    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        if (_openedAt != 0 && clock.GetElapsedTime(_openedAt) > Stable)
        {
            _failures = 0;
        }

        _openedAt = 0;
        await Task.Delay(Delay(_failures++, Random.Shared.NextDouble(), longest), clock, cancellationToken);
    }

    /// <summary>The wait after a number of failures.</summary>
    /// <param name="failures">Failures before this one.</param>
    /// <param name="random">From 0 to 1.</param>
    /// <param name="longest">The longest; 30 s if not given.</param>
    public static TimeSpan Delay(int failures, double random, TimeSpan? longest = null)
    {
        TimeSpan full = TimeSpan.FromTicks(Math.Min((longest ?? Longest).Ticks, First.Ticks << Math.Min(failures, 16)));
        return full * (0.5 + (0.5 * random));
    }
}
