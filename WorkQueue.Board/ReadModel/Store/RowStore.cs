using System.Globalization;
using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>Tasks from and into their table, on one connection.</summary>
internal sealed class RowStore(SqliteConnection connection) : IDisposable
{
    private const string Columns = """
        t.seq, t.id, k.type, k.queue, t.state, t.shown, w.name, t.attempt, t.redriven, t.returned, t.enqueued, t.changed, t.due, t.started, t.state_offset,
        t.died_after, t.dropped_after, t.successful_run, t.later_successes, t.indexed, t.offsets, t.reason, t.error_type, t.error, t.progress_offset, t.percent, t.progress, t.key
        FROM tasks t JOIN kinds k ON k.id = t.kind LEFT JOIN workers w ON w.id = t.worker
        """;

    private const string Insert = """
        INSERT INTO tasks VALUES (
            ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)
        """;

    // Set anew only what may change, so that an index is touched only where its own columns change.
    private const string Update = """
        UPDATE tasks SET kind = ?3, state = ?4, shown = ?5, worker = ?6, attempt = ?7, redriven = ?8, returned = ?9, enqueued = ?10, changed = ?11, due = ?12, started = ?13, since = ?14,
            state_offset = ?15, died_after = ?16, dropped_after = ?17, successful_run = ?18, later_successes = ?19, indexed = ?20, offsets = ?21,
            reason = ?22, error_type = ?23, error = ?24, shape = ?25, progress_offset = ?26, percent = ?27, progress = ?28, key = ?29 WHERE seq = ?1 AND id = ?2
        """;

    private readonly Statement _find = new(connection, $"SELECT {Columns} WHERE t.id = ?1");
    private readonly Statement _insert = new(connection, Insert);
    private readonly Statement _update = new(connection, Update);
    private readonly Names _kinds = new(connection, "INSERT OR IGNORE INTO kinds (type, queue) VALUES (?1, ?2)", "SELECT id FROM kinds WHERE type = ?1 AND queue = ?2");
    private readonly Names _workers = new(connection, "INSERT OR IGNORE INTO workers (name) VALUES (?1)", "SELECT id FROM workers WHERE name = ?1");

    /// <summary>A task; null when there is none.</summary>
    public TaskRow? Find(TaskKey key)
    {
        using SqliteDataReader reader = _find.Read(key.Stored);
        return reader.Read() ? Read(reader) : null;
    }

    /// <summary>The same for a connection that only reads.</summary>
    public static TaskRow? Find(SqliteConnection connection, TaskKey key) =>
        Statement.Query(connection, $"SELECT {Columns} WHERE t.id = ?1", Read, key.Stored) is [var row] ? row : null;

    /// <summary>The same for several, one after the other as they are asked for.</summary>
    public static IEnumerable<TaskRow?> FindEach(SqliteConnection connection, IEnumerable<TaskKey> keys)
    {
        using Statement find = new(connection, $"SELECT {Columns} WHERE t.id = ?1");
        foreach (TaskKey key in keys)
        {
            using SqliteDataReader reader = find.Read(key.Stored);
            yield return reader.Read() ? Read(reader) : null;
        }
    }

    /// <summary>Tasks by their places, the newest first.</summary>
    public static List<TaskRow> At(SqliteConnection connection, IEnumerable<long> places) =>
        Statement.Query(connection, $"SELECT {Columns} WHERE t.seq IN (SELECT value FROM json_each(?1)) ORDER BY t.seq DESC", Read, Statement.List(places));

    public void Save(TaskRow row)
    {
        object?[] values =
        [
            row.Sequence, row.Key.Stored, _kinds.IdOf(row.Type, row.Queue), (long)row.State, (long)row.Shown, row.Worker is null ? null : _workers.IdOf(row.Worker), (long)row.Attempt,
            (long)row.Redriven, (long)row.Returned, row.EnqueuedAt, row.ChangedAt, row.DueAt, row.StartedAt, row.WaitingSince, row.StateOffset, (long)row.DiedAfter, (long)row.DroppedAfter,
            (long)row.SuccessfulRun, row.LaterSuccesses is { } later ? string.Join(',', later) : null, row.IsIndexed ? 1L : 0L, row.Offsets.Bytes,
            row.Error?.Reason, row.Error?.Type, row.Error?.Text, row.State == TaskState.DeadLettered ? row.Error?.Shape ?? "" : null,
            row.Progress?.Offset, row.Progress?.Percent is { } percent ? (long)percent : null, row.Progress?.Text, row.LaneKey,
        ];
        (row.IsStored ? _update : _insert).Run(values);
        row.IsStored = true;
    }

    public void Dispose()
    {
        _find.Dispose();
        _insert.Dispose();
        _update.Dispose();
        _kinds.Dispose();
        _workers.Dispose();
    }

    private static TaskRow Read(SqliteDataReader reader) => new(TaskKey.Of(reader.GetValue(1)), reader.GetInt64(0))
    {
        IsStored = true,
        Type = reader.GetString(2),
        Queue = reader.GetString(3),
        State = (TaskState)reader.GetInt32(4),
        Shown = (TaskState)reader.GetInt32(5),
        Worker = Statement.Text(reader, 6),
        Attempt = reader.GetInt32(7),
        Redriven = reader.GetInt32(8),
        Returned = reader.GetInt32(9),
        EnqueuedAt = reader.GetInt64(10),
        ChangedAt = reader.GetInt64(11),
        DueAt = reader.GetInt64(12),
        StartedAt = reader.GetInt64(13),
        StateOffset = reader.GetInt64(14),
        DiedAfter = reader.GetInt32(15),
        DroppedAfter = reader.GetInt32(16),
        SuccessfulRun = reader.GetInt32(17),
        LaterSuccesses = Statement.Text(reader, 18) is { } later ? [.. later.Split(',').Select(run => int.Parse(run, CultureInfo.InvariantCulture))] : null,
        IsIndexed = reader.GetInt32(19) != 0,
        Offsets = new OffsetLog(reader.GetFieldValue<byte[]>(20)),
        Error = Statement.Text(reader, 21) is var reason && Statement.Text(reader, 22) is var type && Statement.Text(reader, 23) is var error && (reason ?? type ?? error) is not null
            ? new ErrorText(reason, type, error) : null,
        Progress = reader.IsDBNull(24) ? null : new RunProgress(reader.GetInt64(24), reader.IsDBNull(25) ? null : reader.GetInt32(25), Statement.Text(reader, 26)),
        LaneKey = Statement.Text(reader, 27),
    };
}

/// <summary>The numbers of names that many rows share. Those of the last ones are remembered: plain clients may send any name.</summary>
internal sealed class Names(SqliteConnection connection, string insert, string select) : IDisposable
{
    private const int Most = 10_000;

    private readonly Statement _insert = new(connection, insert);
    private readonly Statement _select = new(connection, select);
    private readonly Dictionary<(string, string?), long> _ids = [];

    public long IdOf(string name, string? second = null)
    {
        if (!_ids.TryGetValue((name, second), out long id))
        {
            object?[] values = second is null ? [name] : [name, second];
            _insert.Run(values);
            id = _select.Number(values)!.Value;
            if (_ids.Count == Most)
            {
                _ids.Clear();
            }

            _ids.Add((name, second), id);
        }

        return id;
    }

    public void Dispose()
    {
        _insert.Dispose();
        _select.Dispose();
    }
}
