using System.Globalization;
using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>What is asked of the table of tasks.</summary>
internal static class TaskQueries
{
    // More than this many pairs of kind and state are not merged one by one.
    private const int MostPairs = 2_000;

    private const int FewIds = 10_000;

    // Beyond that who waits is not looked for.
    private const int MostKeys = 2_000;

    /// <summary>The tasks that fit, the newest first.</summary>
    public static TaskPage List(SqliteConnection connection, TaskQuery query)
    {
        long before = query.Before?.FirstOffset ?? long.MaxValue;
        List<long> places = query.Search is null ? Places(connection, query, before) : Found(connection, query, before);
        List<TaskRow> rows = RowStore.At(connection, places.Take(query.Limit));
        return new TaskPage([.. rows.Select(row => row.ToView())], places.Count > query.Limit ? new TaskCursor(rows[^1].Sequence) : null);
    }

    /// <summary>Dead letters by error, the largest group first.</summary>
    public static List<DeadGroup> DeadGroups(SqliteConnection connection, string? queue, int limit) => Statement.Query(
        connection,
        $"""
        SELECT k.queue, k.type, g.error_type, g.shape, coalesce(e.error, e.reason, ''), g.tasks, g.newest
        FROM (
            SELECT kind, error_type, shape, count(*) AS tasks, max(changed) AS newest FROM tasks
            WHERE {TaskSchema.Dead} AND (?1 IS NULL OR kind IN (SELECT id FROM kinds WHERE queue = ?1)) GROUP BY kind, error_type, shape ORDER BY tasks DESC, newest DESC LIMIT ?2) g
        JOIN kinds k ON k.id = g.kind
        JOIN tasks e ON e.seq = (
            SELECT seq FROM tasks WHERE {TaskSchema.Dead} AND kind = g.kind AND error_type IS g.error_type AND shape = g.shape LIMIT 1)
        ORDER BY g.tasks DESC, g.newest DESC
        """,
        row => new DeadGroup(
            row.GetString(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2), row.GetString(3), row.GetString(4), row.GetInt64(5), Milliseconds.ToTime(row.GetInt64(6))),
        queue, (long)limit);

    /// <summary>Since when the task waits that has waited the longest, of each queue where one does.</summary>
    public static Dictionary<string, long> OldestWaiting(SqliteConnection connection) => Statement.Query(
        connection,
        $"SELECT queue, min(since) FROM (SELECT k.queue, (SELECT min(t.since) FROM tasks t WHERE t.kind = k.id AND t.{TaskSchema.Waiting}) AS since FROM kinds k) WHERE since IS NOT NULL GROUP BY queue",
        row => KeyValuePair.Create(row.GetString(0), row.GetInt64(1))).ToDictionary(StringComparer.Ordinal);

    /// <summary>For whom the tasks of a queue wait, who has waited the longest first. It goes from key to key, not from task to task, whatever waits.</summary>
    public static List<WaitingKey> WaitingKeys(SqliteConnection connection, string queue, int limit, long now) => Statement.Query(
        connection,
        $"""
        WITH RECURSIVE found (kind, key) AS (
            SELECT k.id, (SELECT min(t.key) FROM tasks t WHERE t.kind = k.id AND t.{TaskSchema.Waiting} AND t.key IS NOT NULL) FROM kinds k WHERE k.queue = ?1
            UNION ALL
            SELECT kind, (SELECT min(t.key) FROM tasks t WHERE t.kind = found.kind AND t.{TaskSchema.Waiting} AND t.key > found.key) FROM found WHERE key IS NOT NULL LIMIT {MostKeys}),
        oldest (key, since) AS (
            SELECT key, min((SELECT min(t.since) FROM tasks t WHERE t.kind = found.kind AND t.{TaskSchema.Waiting} AND t.key = found.key)) AS since
            FROM found WHERE key IS NOT NULL GROUP BY key ORDER BY since LIMIT ?2)
        SELECT key, since, (SELECT count(*) FROM (
            SELECT 1 FROM tasks t INDEXED BY by_key WHERE t.kind IN (SELECT id FROM kinds WHERE queue = ?1) AND t.{TaskSchema.Waiting} AND t.key = oldest.key LIMIT {WaitingKey.Most})) FROM oldest ORDER BY since
        """,
        row => new WaitingKey(row.GetString(0), row.GetInt64(2), TimeSpan.FromMilliseconds(Math.Max(0, now - row.GetInt64(1)))),
        queue, (long)limit);

    // One more than asked for: it tells whether there is a next page.
    private static List<long> Places(SqliteConnection connection, TaskQuery query, long before)
    {
        if (query is { States: null, Type: null, Queue: null })
        {
            return Statement.Query(connection, "SELECT seq FROM tasks WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2", row => row.GetInt64(0), before, query.Limit + 1L);
        }

        List<long> kinds = Statement.Query(
            connection, "SELECT id FROM kinds WHERE (?1 IS NULL OR type = ?1) AND (?2 IS NULL OR queue = ?2)", row => row.GetInt64(0), query.Type, query.Queue);
        return OfKinds(connection, query, kinds, before);
    }

    private static List<long> OfKinds(SqliteConnection connection, TaskQuery query, List<long> kinds, long before)
    {
        TaskState[] states = query.States is { } some ? [.. some] : Enum.GetValues<TaskState>();
        if (kinds.Count * states.Length > MostPairs)
        {
            return Statement.Query(
                connection, $"SELECT t.seq FROM tasks t WHERE t.seq < ?1 AND {Filter(query, kinds, byKind: true)} ORDER BY t.seq DESC LIMIT ?2", row => row.GetInt64(0), before, query.Limit + 1L);
        }

        List<long> places = [];
        using Statement pair = new(connection, "SELECT seq FROM tasks WHERE kind = ?1 AND shown = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4");
        foreach (long kind in kinds)
        {
            foreach (TaskState state in states)
            {
                using SqliteDataReader reader = pair.Read(kind, (long)state, before, query.Limit + 1L);
                while (reader.Read())
                {
                    places.Add(reader.GetInt64(0));
                }
            }
        }

        return Newest(places, query.Limit);
    }

    // By the beginning of the id, by words of the payload, by a part of the error, the worker, the type or the queue: each its own way, and the newest of all of them.
    private static List<long> Found(SqliteConnection connection, TaskQuery query, long before)
    {
        // SQLite's texts end there.
        string part = query.Search!.Split('\0')[0];
        List<long> kinds = Statement.Query(
            connection, "SELECT id FROM kinds WHERE (?1 IS NULL OR type = ?1) AND (?2 IS NULL OR queue = ?2)", row => row.GetInt64(0), query.Type, query.Queue);
        string filter = Filter(query, kinds);
        List<long> places = [.. SearchText.IdRanges(part).SelectMany(range => OfIds(connection, range, before, query.Limit, filter))];
        foreach ((string table, string? match) in ((string, string?)[])[("payloads", SearchText.Terms(part)), ("errors", SearchText.Phrase(part))])
        {
            places.AddRange(match is null ? [] : OfText(connection, table, match, before, query.Limit, filter));
        }

        foreach (long worker in Statement.Query(connection, "SELECT id FROM workers WHERE holds(name, ?1)", row => row.GetInt64(0), part))
        {
            places.AddRange(Statement.Query(
                connection, $"SELECT t.seq FROM tasks t WHERE t.worker = ?1 AND t.seq < ?2 AND {filter} ORDER BY t.seq DESC LIMIT ?3", row => row.GetInt64(0), worker, before, query.Limit + 1L));
        }

        HashSet<long> named = [.. Statement.Query(connection, "SELECT id FROM kinds WHERE holds(type, ?1) OR holds(queue, ?1)", row => row.GetInt64(0), part)];
        places.AddRange(OfKinds(connection, query, [.. kinds.Where(named.Contains)], before));
        return Newest(places, query.Limit);
    }

    // Of few ids their own index is the short way, of many the tasks in order: one in few fits.
    private static List<long> OfIds(SqliteConnection connection, (object From, object To) range, long before, int limit, string filter)
    {
        long? few = Statement.Number(connection, $"SELECT count(*) FROM (SELECT 1 FROM tasks WHERE id >= ?1 AND id < ?2 LIMIT {FewIds + 1})", range.From, range.To);
        (string id, string place) = few <= FewIds ? ("t.id", "+t.seq") : ("+t.id", "t.seq");
        return Statement.Query(
            connection, $"SELECT t.seq FROM tasks t WHERE {id} >= ?1 AND {id} < ?4 AND {place} < ?2 AND {filter} ORDER BY {place} DESC LIMIT ?3",
            row => row.GetInt64(0), range.From, before, limit + 1L, range.To);
    }

    private static List<long> OfText(SqliteConnection connection, string table, string match, long before, int limit, string filter)
    {
        try
        {
            return Statement.Query(
                connection, $"SELECT f.rowid FROM {table} f CROSS JOIN tasks t ON t.seq = f.rowid WHERE f.{table} MATCH ?1 AND f.rowid < ?2 AND {filter} ORDER BY f.rowid DESC LIMIT ?3",
                row => row.GetInt64(0), match, before, limit + 1L);
        }
        catch (SqliteException odd) when (odd.SqliteErrorCode == SQLitePCL.raw.SQLITE_ERROR)
        {
            // Letters so new that the table takes a word for two: it has no such word.
            return [];
        }
    }

    // With a plus SQLite does not go by the kind where something better finds them.
    private static string Filter(TaskQuery query, List<long> kinds, bool byKind = false)
    {
        string states = query.States is { } some ? $"+t.shown IN ({Join(some.Select(state => (long)state))})" : "1";
        return query is { Type: null, Queue: null } ? states : $"{states} AND {(byKind ? "" : "+")}t.kind IN ({Join(kinds)})";
    }

    private static string Join(IEnumerable<long> numbers) => string.Join(',', numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private static List<long> Newest(List<long> places, int limit) => [.. places.Distinct().OrderDescending().Take(limit + 1)];
}
