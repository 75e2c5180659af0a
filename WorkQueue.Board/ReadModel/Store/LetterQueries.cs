using System.Text.Json;
using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>What is asked of the table of dead letters.</summary>
internal static class LetterQueries
{
    /// <summary>How many each queue has.</summary>
    public static Dictionary<string, long> ByQueue(SqliteConnection connection) => Statement.Query(
        connection, "SELECT queue, count(*) FROM letters WHERE taken = 0 GROUP BY queue", row => (Queue: row.GetString(0), Count: row.GetInt64(1)))
        .ToDictionary(count => count.Queue, count => count.Count, StringComparer.Ordinal);

    /// <summary>How many fit, over some queues.</summary>
    public static long Count(SqliteConnection connection, DeadLetterFilter filter, IEnumerable<string> queues) => queues.Sum(queue => Count(connection, filter, queue));

    /// <summary>Those that fit, queue by queue, the oldest of each first: a part of them.</summary>
    public static List<LetterEntry> List(SqliteConnection connection, DeadLetterFilter filter, IEnumerable<string> queues)
    {
        List<LetterEntry> page = [];
        long skip = filter.Skip;
        foreach (string queue in queues)
        {
            long count = skip > 0 ? Count(connection, filter, queue) : 0;
            if (page.Count < filter.Limit && skip <= count)
            {
                page.AddRange(Statement.Query(
                    connection,
                    $"SELECT offset, id, type, queue, attempt, redriven, enqueued, dead, reason, error_type, error FROM letters WHERE {Where(filter)} ORDER BY offset LIMIT ?5 OFFSET ?6",
                    Read, queue, filter.Type, Ids(filter), filter.Error, (long)(filter.Limit - page.Count), skip));
            }

            skip = Math.Max(0, skip - count);
        }

        return page;
    }

    private static long Count(SqliteConnection connection, DeadLetterFilter filter, string queue) =>
        Statement.Number(connection, $"SELECT count(*) FROM letters WHERE {Where(filter)}", queue, filter.Type, Ids(filter), filter.Error) ?? 0;

    // Of few ids the index of ids is the shorter way, which SQLite cannot know.
    private static string Where(DeadLetterFilter filter) => string.Join(
        " AND ",
        filter.Ids is null ? "taken = 0 AND queue = ?1" : "+taken = 0 AND +queue = ?1 AND id IN (SELECT value FROM json_each(?3))",
        filter.Type is null ? "?2 IS NULL AND (?3 IS NULL OR 1)" : "type = ?2 AND (?3 IS NULL OR 1)",
        filter.Error is null ? "?4 IS NULL" : "(holds(reason, ?4) OR holds(error_type, ?4) OR holds(error, ?4))");

    private static string? Ids(DeadLetterFilter filter) => filter.Ids is { } ids ? JsonSerializer.Serialize(ids) : null;

    private static LetterEntry Read(SqliteDataReader row) => new(
        row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt32(4), row.GetInt32(5), Milliseconds.ToTime(row.GetInt64(6)), Milliseconds.ToTime(row.GetInt64(7)),
        row.IsDBNull(8) && row.IsDBNull(9) && row.IsDBNull(10) ? null : new ErrorText(Statement.Text(row, 8), Statement.Text(row, 9), Statement.Text(row, 10)));
}
