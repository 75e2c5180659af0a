using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>Takes records into the tables, inside the caller's transaction.</summary>
internal sealed class TaskWriter : IDisposable
{
    // As many as are changed at once by other than records.
    private const int Some = 1_000;

    private readonly SqliteConnection _connection;
    private readonly RowStore _rows;
    private readonly LetterStore _letters;
    private readonly Statement _payload;
    private readonly Statement _error;
    private readonly Statement _noError;
    // Counted when they are committed.
    private readonly List<LiveChange> _happened = [];
    private long _count;
    private long _lastSequence;

    public TaskWriter(SqliteConnection connection)
    {
        _connection = connection;
        (_rows, _letters, Totals) = (new RowStore(connection), new LetterStore(connection), TaskTotals.Read(connection));
        _payload = new Statement(connection, "INSERT OR REPLACE INTO payloads (rowid, words) VALUES (?1, ?2)");
        _error = new Statement(connection, "INSERT OR REPLACE INTO errors (rowid, words) VALUES (?1, ?2)");
        _noError = new Statement(connection, "DELETE FROM errors WHERE rowid = ?1");
        _lastSequence = Statement.Number(connection, "SELECT last_seq FROM progress") ?? -1;
        _count = Totals.Listed;
        ReadNextDue();
    }

    /// <summary>What is counted.</summary>
    public TaskTotals Totals { get; }

    /// <summary>When the time of the next scheduled or retrying task comes.</summary>
    public long NextDue { get; private set; }

    public HistoryProgress ReadProgress() => Statement.Query(
        _connection, "SELECT records, last_offset, starts_at FROM progress",
        row => new HistoryProgress(true, row.GetInt64(0), row.IsDBNull(1) ? null : row.GetInt64(1), row.IsDBNull(2) ? null : Milliseconds.ToTime(row.GetInt64(2)))).Single();

    public bool IsLast(HistoryRecord record) => Statement.Number(
        _connection, "SELECT 1 FROM progress WHERE last_offset = ?1 AND last_task = ?2 AND last_at = ?3", record.Offset, record.TaskId, Milliseconds.Of(record.At)) is not null;

    /// <summary>Takes records in; each task is read and written once for all of its own.</summary>
    public void Take(IReadOnlyList<HistoryRecord> records)
    {
        _happened.Clear();
        Dictionary<TaskKey, TaskRow> changed = new(records.Count);
        foreach (HistoryRecord record in records)
        {
            _letters.Take(record);
            TaskKey key = TaskKey.Of(record.TaskId);
            bool isKnown = true;
            if (!changed.TryGetValue(key, out TaskRow? row))
            {
                row = _rows.Find(key);
                isKnown = row is not null;
                row ??= Add(key, record.Offset);
                changed.Add(key, row);
            }

            Take(record, row, isKnown);
        }

        foreach (TaskRow row in changed.Values)
        {
            _rows.Save(row);
            // One whose time has come meanwhile is queued at the next look.
            NextDue = row.Shown is TaskState.Scheduled or TaskState.Retrying ? Math.Min(NextDue, row.DueAt) : NextDue;
        }

        _letters.Trim();
    }

    /// <summary>What was taken in last, for the figures of the last minutes.</summary>
    public void Count(LiveWindow live, long now)
    {
        _happened.ForEach(change => live.Count(change, now));
        _happened.Clear();
    }

    /// <summary>The time of scheduled and retrying tasks has come: of some of them.</summary>
    public void BecomeQueued(long now)
    {
        Show(TaskState.Queued, $"t.{TaskSchema.Delayed} AND t.due <= ?1 ORDER BY t.due", now);
        ReadNextDue();
    }

    /// <summary>
    /// Drops the tasks that finished first of more than are kept: what succeeded or was cancelled before dead letters, which somebody still has to look at.
    /// </summary>
    public void DropBeyond(int most)
    {
        // Some at once: to find them costs the same for one.
        if (_count <= most + Math.Min(most / 100, Some))
        {
            return;
        }

        foreach (string state in (string[])["t.shown = 4", "t.shown = 6 AND (t.worker IS NOT NULL OR t.dropped_after >= t.redriven OR t.died_after >= t.redriven OR t.reason = ?2)", "t.shown = 5"])
        {
            if (_count > most)
            {
                Drop(state, Math.Min(_count - most, 2 * Some));
            }
        }
    }

    /// <summary>Forgets some of the finished tasks whose last record was before an offset, and all letters that were.</summary>
    /// <returns>Whether there may be more.</returns>
    public bool ForgetBefore(long offset, HistoryProgress progress)
    {
        Statement.Run(_connection, "DELETE FROM letters WHERE offset < ?1", offset);
        List<TaskRow> old = RowStore.At(_connection, Statement.Query(
            _connection, "SELECT seq FROM tasks WHERE seq < ?1 AND state_offset < ?1 AND +shown IN (4, 5, 6) ORDER BY seq LIMIT ?2", row => row.GetInt64(0), offset, (long)Some));
        old.ForEach(Totals.Remove);
        Delete([.. old.Select(row => row.Sequence)]);
        Totals.Save(_connection);
        Statement.Run(_connection, "UPDATE progress SET starts_at = ?1", progress.StartsAt is { } start ? Milliseconds.Of(start) : null);
        return old.Count == Some;
    }

    /// <summary>Tasks of a queue that wait or run since before a time are not on the broker: some of them.</summary>
    /// <returns>Whether there may be more.</returns>
    public bool BecomeUnknown(string queue, long before, bool delayed)
    {
        // Of a plain client's message nobody may know when it came.
        string old = $"t.changed > 0 AND max(t.since, t.changed) < ?1{(delayed ? "" : " AND t.due = 0")}";
        return Statement.Query(_connection, "SELECT id FROM kinds WHERE queue = ?1", row => row.GetInt64(0), queue)
            .Any(kind => Show(TaskState.Unknown, $"t.kind = {kind} AND t.shown IN (1, 2) AND {old}", before) == Some);
    }

    public void Save(HistoryProgress progress, HistoryRecord last)
    {
        Totals.Save(_connection);
        Statement.Run(
            _connection, "UPDATE progress SET last_offset = ?1, last_task = ?2, last_at = ?3, records = ?4, starts_at = ?5, dropped = ?6, last_seq = ?7",
            last.Offset, last.TaskId, Milliseconds.Of(last.At), progress.Replayed, progress.StartsAt is { } start ? Milliseconds.Of(start) : null, Totals.Dropped, _lastSequence);
    }

    public void Dispose()
    {
        _rows.Dispose();
        _letters.Dispose();
        _payload.Dispose();
        _error.Dispose();
        _noError.Dispose();
    }

    private TaskRow Add(TaskKey key, long offset)
    {
        // Ascending whatever the offsets are: pages are found by it.
        _lastSequence = Math.Max(offset, _lastSequence + 1);
        _count++;
        return new TaskRow(key, _lastSequence);
    }

    private void Take(HistoryRecord record, TaskRow row, bool isKnown)
    {
        RowBefore before = isKnown ? RowBefore.Of(row) : new RowBefore(false, false, Milliseconds.Unknown);
        if (isKnown)
        {
            Totals.Remove(row);
        }

        ErrorText? error = row.Error;
        // Somebody tells of it after all.
        row.Shown = row.Shown == TaskState.Unknown ? row.State : row.Shown;
        if (RowUpdater.Apply(record, row))
        {
            _happened.Add(LiveChange.Of(record, row, before));
        }

        Totals.Add(row);
        if (row.Error != error)
        {
            _ = row.Error is { } told ? _error.Run(row.Sequence, $"{told.Reason}\n{told.Type}\n{told.Text}") : _noError.Run(row.Sequence);
        }

        if (!row.IsIndexed && record is { Kind: HistoryKind.State, State: TaskState.Queued or TaskState.Scheduled or TaskState.DeadLettered } && SearchText.Of(record.Body.Span, record.ContentType) is { } words)
        {
            row.IsIndexed = true;
            _payload.Run(row.Sequence, words);
        }
    }

    private void Drop(string state, long most)
    {
        List<long> oldest = Statement.Query(
            _connection, $"SELECT t.seq FROM tasks t WHERE {TaskSchema.Ended} AND {state} AND (?2 IS NULL OR 1) ORDER BY t.changed LIMIT ?1", row => row.GetInt64(0), most, ITaskHistory.NotEnqueued);
        Delete(oldest);
        Totals.Dropped += oldest.Count;
    }

    private void Delete(List<long> tasks)
    {
        string places = Statement.List(tasks);
        foreach (string table in (string[])["payloads", "errors"])
        {
            Statement.Run(_connection, $"DELETE FROM {table} WHERE rowid IN (SELECT value FROM json_each(?1))", places);
        }

        Statement.Run(_connection, "DELETE FROM tasks WHERE seq IN (SELECT value FROM json_each(?1))", places);
        _count -= tasks.Count;
    }

    // Shows some tasks in another state.
    private int Show(TaskState state, string which, long time)
    {
        List<(long Place, string Queue, TaskState From)> tasks = Statement.Query(
            _connection, $"SELECT t.seq, k.queue, t.shown FROM tasks t JOIN kinds k ON k.id = t.kind WHERE {which} LIMIT {Some}", row => (row.GetInt64(0), row.GetString(1), (TaskState)row.GetInt32(2)), time);
        foreach (var group in tasks.GroupBy(task => (task.Queue, task.From)))
        {
            Totals.Move(group.Key.Queue, group.Key.From, state, group.Count());
        }

        Statement.Run(_connection, "UPDATE tasks SET shown = ?2 WHERE seq IN (SELECT value FROM json_each(?1))", Statement.List(tasks.Select(task => task.Place)), (long)state);
        Totals.Save(_connection);
        return tasks.Count;
    }

    private void ReadNextDue() => NextDue = Statement.Number(_connection, $"SELECT min(due) FROM tasks WHERE {TaskSchema.Delayed}") ?? long.MaxValue;
}
