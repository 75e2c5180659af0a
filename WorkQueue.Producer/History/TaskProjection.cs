using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>
/// Every task in its present state, from the history. In memory; one writer, <see cref="HistoryFollower"/>, and many readers. Nothing
/// here asks the broker.
/// </summary>
internal sealed class TaskProjection
{
    private readonly Lock _lock = new();
    private RowIndex _rows = new();
    private RowUpdater _updater = new();
    private RowTotals _totals = new();
    private EndedRows _ended = new();
    private LetterBook _letters = new();
    private LiveWindow _live = new();
    // By the time a worker could take them, and by the time they are due.
    private RowHeap _waiting = NewWaiting();
    private RowHeap _due = NewDue();
    private TaskCompletionSource _replayed = NewSignal();
    private TaskCompletionSource? _next;
    private readonly int _maxTasks;
    private readonly TimeProvider _clock;
    private HistoryProgress _progress = new(IsReplaying: true, 0, null, null);
    private long _now;

    public TaskProjection(IOptions<BoardOptions> options, TimeProvider clock) => (_maxTasks, _clock) = (options.Value.MaxTasks, clock);

    /// <summary>How much of the history has been seen.</summary>
    public HistoryProgress Progress
    {
        get
        {
            lock (_lock)
            {
                return _progress;
            }
        }
    }

    /// <summary>Completes when everything that was there at the start has been applied.</summary>
    public Task Replayed
    {
        get
        {
            lock (_lock)
            {
                return _replayed.Task;
            }
        }
    }

    /// <summary>Completes when the next records have been applied.</summary>
    public Task Next()
    {
        lock (_lock)
        {
            return (_next ??= NewSignal()).Task;
        }
    }

    /// <summary>Takes in one record: of any task, late, twice or out of order.</summary>
    public void Apply(HistoryRecord record) => Apply([record]);

    /// <summary>Takes in records. Readers come in between.</summary>
    public void Apply(IReadOnlyList<HistoryRecord> records)
    {
        const int AtOnce = 64;
        for (int first = 0; first < records.Count; first += AtOnce)
        {
            lock (_lock)
            {
                _now = Milliseconds.Of(_clock.GetUtcNow());
                int end = Math.Min(first + AtOnce, records.Count);
                for (int index = first; index < end; index++)
                {
                    Take(records[index]);
                }

                HistoryRecord last = records[end - 1];
                _progress = _progress with { Replayed = _progress.Replayed + end - first, LastOffset = last.Offset, StartsAt = _progress.StartsAt ?? records[first].At };
                _next?.TrySetResult();
                _next = null;
            }
        }
    }

    /// <summary>Forgets everything: the history was deleted, and one made anew is read from its beginning.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            (_rows, _updater, _totals, _ended, _letters, _live, _waiting, _due) = (new(), new(), new(), new(), new(), new(), NewWaiting(), NewDue());
            _progress = new(IsReplaying: true, 0, null, null);
            _replayed = _replayed.Task.IsCompleted ? NewSignal() : _replayed;
        }
    }

    /// <summary>Says that everything that was there at the start has been applied.</summary>
    public void EndReplay()
    {
        lock (_lock)
        {
            _progress = _progress with { IsReplaying = false };
            _replayed.TrySetResult();
        }
    }

    /// <summary>A task, or null when the history that is kept does not tell of it.</summary>
    public TaskView? Find(string id)
    {
        lock (_lock)
        {
            Advance();
            return _rows.Find(TaskKey.Of(id))?.ToView();
        }
    }

    /// <summary>The offsets of a task's records, ascending; empty when it is not known.</summary>
    public IReadOnlyList<long> OffsetsOf(string id)
    {
        lock (_lock)
        {
            return _rows.Find(TaskKey.Of(id))?.Offsets.Read() ?? [];
        }
    }

    /// <summary>The tasks that fit, the newest first.</summary>
    public TaskPage List(TaskQuery query)
    {
        List<TaskView> found = [];
        if (query is { Search: { } id, Before: null } && Find(id) is { } exact)
        {
            return new TaskPage(RowFilter.Fits(exact, query) ? [exact] : [], null);
        }

        long position = StartOf(query);
        long lastSequence = 0;
        while (position > 0)
        {
            // A block at a time: the writer is never held up for the whole list.
            lock (_lock)
            {
                foreach (TaskRow row in _rows.Before(position))
                {
                    if (!RowFilter.Fits(row, query))
                    {
                        continue;
                    }

                    if (found.Count == query.Limit)
                    {
                        return new TaskPage(found, new TaskCursor(lastSequence));
                    }

                    found.Add(row.ToView());
                    lastSequence = row.Sequence;
                }
            }

            position = RowIndex.StartOfBlockBefore(position);
        }

        return new TaskPage(found, null);
    }

    /// <summary>How many tasks there are.</summary>
    public TaskCounts Counts()
    {
        lock (_lock)
        {
            Advance();
            return _totals.Read();
        }
    }

    /// <summary>What happens at the moment.</summary>
    public LiveStats Live()
    {
        lock (_lock)
        {
            Advance();
            TimeSpan? oldest = _waiting.First() is { } first ? TimeSpan.FromMilliseconds(Math.Max(0, _now - first.Time)) : null;
            return _live.Read(_now, oldest, _totals.Pending());
        }
    }

    /// <summary>Dead letters by error, the largest group first.</summary>
    public IReadOnlyList<DeadGroup> DeadGroups(string? queue, int limit)
    {
        lock (_lock)
        {
            return _totals.Groups(queue, limit);
        }
    }

    /// <summary>The dead letters, in the order they died.</summary>
    public LetterEntry[] Letters()
    {
        lock (_lock)
        {
            return _letters.ToArray();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static RowHeap NewWaiting() => new((row, since) => !row.IsGone && row.Shown == TaskState.Queued && row.WaitingSince == since);

    private static RowHeap NewDue() => new((row, time) => !row.IsGone && row.Shown is TaskState.Scheduled or TaskState.Retrying && row.DueAt == time);

    private long StartOf(TaskQuery query)
    {
        lock (_lock)
        {
            Advance();
            return query.Before is { } cursor ? _rows.PositionOf(cursor.FirstOffset) : _rows.End;
        }
    }

    private void Take(HistoryRecord record)
    {
        _letters.Take(record);
        TaskKey key = TaskKey.Of(record.TaskId);
        TaskRow? known = _rows.Find(key);
        TaskRow row = known ?? _rows.Add(key, record.Offset);
        if (known is not null)
        {
            _totals.Remove(row);
        }

        RowBefore before = known is null ? new RowBefore(false, false, Milliseconds.Unknown) : RowBefore.Of(row);
        bool wins = _updater.Apply(record, row);
        _totals.Add(row);
        if (wins)
        {
            _live.Count(record, row, before, _now);
            Place(row);
        }
        else if (record.Kind == HistoryKind.Dropped && row.State == TaskState.Cancelled)
        {
            _ended.Add(row);
        }

        DropOldest();
    }

    private void Place(TaskRow row)
    {
        if (row.Shown == TaskState.Queued)
        {
            _waiting.Add(row, row.WaitingSince);
        }
        else if (row.Shown is TaskState.Scheduled or TaskState.Retrying)
        {
            _due.Add(row, row.DueAt);
        }
        else if (row.HasEnded && !row.IsCancelledOnBroker)
        {
            _ended.Add(row);
        }
    }

    private void DropOldest()
    {
        while (_rows.Count > _maxTasks && _ended.TakeOldest() is { } oldest)
        {
            _rows.Remove(oldest);
            _updater.Release(oldest);
            _totals.Dropped++;
        }
    }

    // Tasks become queued by the mere passing of time; nobody records it.
    private void Advance()
    {
        _now = Milliseconds.Of(_clock.GetUtcNow());
        while (_due.TakeUntil(_now) is { } row)
        {
            _totals.Remove(row);
            row.Shown = TaskState.Queued;
            _totals.Add(row);
            _waiting.Add(row, row.WaitingSince);
        }
    }
}
