namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>What came into one queue in the last minute, and how long its attempts ran in the last five. Bounded.</summary>
internal sealed class QueueWindow
{
    private const int Seconds = 60;
    private const int Buckets = 60;
    private const long BucketMilliseconds = 5_000;

    private readonly (long Second, int Came)[] _came = new (long, int)[Seconds];
    private readonly (long Bucket, int Count, long Milliseconds)[] _ran = new (long, int, long)[Buckets];

    /// <summary>A task came, or is to run again.</summary>
    public void Came(long at, long now)
    {
        // The clock of who recorded it may be a little ahead of ours.
        long second = Math.Min(at, now) / 1000;
        if (second > (now / 1000) - Seconds)
        {
            ref (long Second, int Came) slot = ref _came[second % Seconds];
            slot = (second, (slot.Second == second ? slot.Came : 0) + 1);
        }
    }

    /// <summary>An attempt has ended.</summary>
    public void Ran(long at, long milliseconds, long now)
    {
        long bucket = Math.Min(at, now) / BucketMilliseconds;
        if (milliseconds >= 0 && bucket > (now / BucketMilliseconds) - Buckets)
        {
            ref (long Bucket, int Count, long Milliseconds) slot = ref _ran[bucket % Buckets];
            slot = slot.Bucket == bucket ? (bucket, slot.Count + 1, slot.Milliseconds + milliseconds) : (bucket, 1, milliseconds);
        }
    }

    public QueueRates Read(long now)
    {
        int came = _came.Where(slot => slot.Second > (now / 1000) - Seconds).Sum(slot => slot.Came);
        (int count, long milliseconds) = _ran.Where(slot => slot.Bucket > (now / BucketMilliseconds) - Buckets)
            .Aggregate((0, 0L), (sum, slot) => (sum.Item1 + slot.Count, sum.Item2 + slot.Milliseconds));
        return new QueueRates(came / (double)Seconds, count == 0 ? null : milliseconds / 1000.0 / count);
    }
}

/// <summary>How fast tasks come and run.</summary>
/// <param name="ArrivalPerSecond">Tasks that came, and attempts that are to be made again, a second, over the last minute.</param>
/// <param name="SecondsPerTask">The mean time of an attempt in the last five minutes; null where none ended.</param>
internal sealed record QueueRates(double ArrivalPerSecond, double? SecondsPerTask)
{
    public static readonly QueueRates None = new(0, null);
}
