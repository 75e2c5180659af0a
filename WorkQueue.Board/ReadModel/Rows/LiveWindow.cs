using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>
/// What came, ended and failed in each of the last 60 seconds, and how long tasks waited and ran in the last five minutes. Bounded: of
/// more samples than fit, the newest count. What is older than the window, as in a replay, is passed over.
/// </summary>
internal sealed class LiveWindow
{
    private const int Seconds = 60;
    private const int MaxSamples = 8192;
    // Plain clients may name as many as they like.
    private const int MaxQueues = 1000;
    private const long SampleMilliseconds = 5 * 60 * 1000;

    private readonly (long Second, int In, int Out, int Ended, int Failed)[] _seconds = new (long, int, int, int, int)[Seconds];
    private readonly Samples _waits = new();
    private readonly Samples _runs = new();
    private readonly Dictionary<string, QueueWindow> _queues = new(StringComparer.Ordinal);

    /// <summary>Counts a record that a task has its state from now.</summary>
    public void Count(LiveChange change, long now)
    {
        (HistoryRecord record, RowBefore before) = (change.Record, change.Before);
        long at = Milliseconds.Of(record.At);
        if (!before.WasThere)
        {
            Count(change.EnqueuedAt, now, (1, 0, 0, 0));
        }

        // What waits for its time is counted by the broker once that has come; a retry waits for seconds.
        bool isNew = !before.WasThere && record.State != TaskState.Scheduled;
        if (isNew || record is { State: TaskState.Retrying, Kind: HistoryKind.State })
        {
            Of(record.Queue)?.Came(isNew ? change.EnqueuedAt : at, now);
        }

        if (change.HasEnded && !before.HadEnded)
        {
            Count(at, now, (0, 1, 0, 0));
        }

        if (change.IsRunning && before.ReadySince != Milliseconds.Unknown)
        {
            Sample(_waits, at - before.ReadySince, at, now);
        }

        if (record.StartedAt is { } started && record.State is not (TaskState.Running or TaskState.Queued) && record.Kind == HistoryKind.State)
        {
            bool failed = record.State is TaskState.Retrying or TaskState.DeadLettered;
            Count(at, now, (0, 0, 1, failed ? 1 : 0));
            Sample(_runs, at - Milliseconds.Of(started), at, now);
            Of(record.Queue)?.Ran(at, at - Milliseconds.Of(started), now);
        }
    }

    public LiveStats Read(long now, TimeSpan? oldestWaiting, long pending)
    {
        long last = now / 1000;
        List<SecondCount> perSecond = [];
        (int came, int finished, int ended, int failed) = (0, 0, 0, 0);
        for (long second = last - Seconds + 1; second <= last; second++)
        {
            (long stamp, int inCount, int outCount, int endedCount, int failedCount) = _seconds[second % Seconds];
            bool current = stamp == second;
            perSecond.Add(current ? new SecondCount(inCount, outCount, failedCount) : new SecondCount(0, 0, 0));
            (came, finished, ended, failed) = current ? (came + inCount, finished + outCount, ended + endedCount, failed + failedCount) : (came, finished, ended, failed);
        }

        double inRate = came / (double)Seconds;
        double outRate = finished / (double)Seconds;
        TimeSpan? drain = pending == 0 ? TimeSpan.Zero : finished > came ? TimeSpan.FromSeconds(Math.Ceiling(Math.Min(pending / (outRate - inRate), 1e9))) : null;
        return new LiveStats(
            inRate, outRate, ended == 0 ? null : failed / (double)ended, _waits.Read(now - SampleMilliseconds), _runs.Read(now - SampleMilliseconds), oldestWaiting, drain, perSecond);
    }

    /// <summary>How fast the tasks of a queue come and run.</summary>
    public QueueRates RatesOf(string queue, long now) => _queues.GetValueOrDefault(queue)?.Read(now) ?? QueueRates.None;

    private QueueWindow? Of(string queue)
    {
        if (!_queues.TryGetValue(queue, out QueueWindow? window) && _queues.Count < MaxQueues)
        {
            window = _queues[queue] = new QueueWindow();
        }

        return window;
    }

    private void Count(long at, long now, (int In, int Out, int Ended, int Failed) step)
    {
        // The clock of who recorded it may be a little ahead of ours.
        long second = Math.Min(at, now) / 1000;
        if (second <= (now / 1000) - Seconds)
        {
            return;
        }

        ref (long Second, int In, int Out, int Ended, int Failed) bucket = ref _seconds[second % Seconds];
        bucket = bucket.Second == second ? bucket : (second, 0, 0, 0, 0);
        bucket = (second, bucket.In + step.In, bucket.Out + step.Out, bucket.Ended + step.Ended, bucket.Failed + step.Failed);
    }

    private static void Sample(Samples samples, long milliseconds, long at, long now)
    {
        if (at > now - SampleMilliseconds && milliseconds >= 0)
        {
            samples.Add(at, milliseconds);
        }
    }

    private sealed class Samples
    {
        private readonly (long At, long Milliseconds)[] _samples = new (long, long)[MaxSamples];
        private long _count;

        public void Add(long at, long milliseconds) => _samples[_count++ % MaxSamples] = (at, milliseconds);

        public Percentiles? Read(long since)
        {
            double[] values = [.. _samples.Take((int)Math.Min(_count, MaxSamples)).Where(sample => sample.At > since).Select(sample => sample.Milliseconds / 1000.0).Order()];
            return values.Length == 0 ? null : new Percentiles(Nearest(values, 0.5), Nearest(values, 0.95), Nearest(values, 0.99));
        }

        private static double Nearest(double[] sorted, double share) => sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}

/// <summary>What the row was before a record, for the live figures.</summary>
internal readonly record struct RowBefore(bool WasThere, bool HadEnded, long ReadySince)
{
    public static RowBefore Of(TaskRow row) => new(true, row.HasEnded, RowRules.RankOf(row.State) == RowRules.Waiting ? row.WaitingSince : Milliseconds.Unknown);
}

/// <summary>What a record has made of a task, for the live figures.</summary>
internal readonly record struct LiveChange(HistoryRecord Record, RowBefore Before, long EnqueuedAt, bool HasEnded, bool IsRunning)
{
    public static LiveChange Of(HistoryRecord record, TaskRow row, RowBefore before) => new(record, before, row.EnqueuedAt, row.HasEnded, row.State == TaskState.Running);
}
