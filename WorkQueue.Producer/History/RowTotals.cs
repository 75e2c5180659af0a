using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>
/// What is counted of all rows. A row is taken out before it is changed and put in again after, so no change can be forgotten. A row that
/// is dropped to save memory stays counted.
/// </summary>
internal sealed class RowTotals
{
    private static readonly TaskState[] States = Enum.GetValues<TaskState>();

    private readonly Dictionary<string, long[]> _byQueue = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Queue, string Type, string? ErrorType, string Shape), Letters> _letters = [];
    private long _duplicates;
    private long _cancelledOnBroker;

    public long Dropped { get; set; }

    public void Add(TaskRow row) => Count(row, 1);

    public void Remove(TaskRow row) => Count(row, -1);

    public TaskCounts Read()
    {
        Dictionary<TaskState, long> all = States.ToDictionary(state => state, state => _byQueue.Values.Sum(counts => counts[(int)state]));
        return new TaskCounts
        {
            ByState = all,
            ByQueue = _byQueue.ToDictionary(
                queue => queue.Key, queue => (IReadOnlyDictionary<TaskState, long>)States.ToDictionary(state => state, state => queue.Value[(int)state]), StringComparer.Ordinal),
            Duplicates = _duplicates,
            CancelledOnBroker = _cancelledOnBroker,
            Dropped = Dropped,
        };
    }

    public long Pending() => _byQueue.Values.Sum(counts =>
        counts[(int)TaskState.Scheduled] + counts[(int)TaskState.Queued] + counts[(int)TaskState.Running] + counts[(int)TaskState.Retrying]);

    public IReadOnlyList<DeadGroup> Groups(string? queue, int limit) =>
    [
        .. _letters.Where(group => queue is null || group.Key.Queue == queue)
            .OrderByDescending(group => group.Value.Count).ThenByDescending(group => group.Value.Newest)
            .Take(limit)
            .Select(group => new DeadGroup(
                group.Key.Queue, group.Key.Type, group.Key.ErrorType, group.Key.Shape, group.Value.Example, group.Value.Count, Milliseconds.ToTime(group.Value.Newest))),
    ];

    private void Count(TaskRow row, int step)
    {
        if (!_byQueue.TryGetValue(row.Queue, out long[]? counts))
        {
            counts = new long[States.Length];
            _byQueue.Add(row.Queue, counts);
        }

        counts[(int)row.Shown] += step;
        _duplicates += step * row.Duplicates;
        _cancelledOnBroker += row.IsCancelledOnBroker ? step : 0;
        if (row.State == TaskState.DeadLettered)
        {
            CountLetter(row, step);
        }
    }

    private void CountLetter(TaskRow row, int step)
    {
        (string, string, string?, string) key = (row.Queue, row.Type, row.Error?.Type, row.Error?.Shape ?? "");
        if (!_letters.TryGetValue(key, out Letters? letters))
        {
            letters = new Letters(row.Error?.Text ?? row.Error?.Reason ?? "");
            _letters.Add(key, letters);
        }

        letters.Count += step;
        letters.Newest = Math.Max(letters.Newest, row.ChangedAt);
        if (letters.Count == 0)
        {
            _letters.Remove(key);
        }
    }

    private sealed class Letters(string example)
    {
        public readonly string Example = example;
        public long Count;
        public long Newest;
    }
}
