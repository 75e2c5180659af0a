using System.Globalization;
using WorkQueue.EntityFrameworkCore.Storage;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>What the relay says to PostgreSQL. All times are the database's, so that relays on several machines agree.</summary>
internal static class OutboxSql
{
    // Beside the table's own number: what other programs lock in the same database has another one.
    private const int LockClass = 0x77_71_6f_62;

    /// <summary>
    /// Begins a batch: for how long the database waits for a relay that has fallen silent with its rows locked, and whether the tasks in sequences are this relay's turn. Apart from
    /// <see cref="Take"/>, which has to see what the relay before has deleted. That goes by the indexes whatever the statistics say, which of a table that is mostly empty are wrong when it is not.
    /// </summary>
    public static string Begin(OutboxTable table, TimeSpan longest) => string.Create(
        CultureInfo.InvariantCulture,
        $"SET LOCAL idle_in_transaction_session_timeout = {(long)longest.TotalMilliseconds}; SET LOCAL enable_seqscan = off; SELECT pg_try_advisory_xact_lock({LockClass}, '{table.Name.Replace("'", "''", StringComparison.Ordinal)}'::regclass::oid::bigint::bit(32)::int)");

    /// <summary>The rows of a batch, in their order. Of a sequence none is taken while one of it waits for its next try.</summary>
    public static string Take(OutboxTable table, bool isTurn, int most)
    {
        string id = table[nameof(OutboxTask.Id)], next = table[nameof(OutboxTask.NextTryAt)], aside = table[nameof(OutboxTask.SetAsideAt)], sequence = table[nameof(OutboxTask.Sequence)];
        string inSequence = !isTurn ? "" : $"""
             OR o.{sequence} NOT IN (SELECT e.{sequence} FROM {table.Name} e WHERE e.{next} > now() AND e.{aside} IS NULL AND e.{sequence} IS NOT NULL)
            """;
        return string.Create(CultureInfo.InvariantCulture, $"""
            SELECT o.{id}, o.{table[nameof(OutboxTask.TaskId)]}, o.{table[nameof(OutboxTask.Type)]}, o.{sequence}, o.{table[nameof(OutboxTask.Format)]}, o.{table[nameof(OutboxTask.Task)]},
                o.{table[nameof(OutboxTask.TraceParent)]}, o.{table[nameof(OutboxTask.TraceState)]}, o.{table[nameof(OutboxTask.Attempts)]}
            FROM {table.Name} o
            WHERE o.{aside} IS NULL AND (o.{next} IS NULL OR o.{next} <= now()) AND (o.{sequence} IS NULL{inSequence})
            ORDER BY o.{id} LIMIT {most} FOR UPDATE OF o SKIP LOCKED
            """);
    }

    /// <summary>What was sent.</summary>
    public static string Delete(OutboxTable table) => $"DELETE FROM {table.Name} WHERE {table[nameof(OutboxTask.Id)]} = ANY(@ids)";

    /// <summary>What was not taken.</summary>
    public static string Refuse(OutboxTable table) => $"""
        UPDATE {table.Name} SET {table[nameof(OutboxTask.Attempts)]} = @attempts, {table[nameof(OutboxTask.Error)]} = @error,
            {table[nameof(OutboxTask.NextTryAt)]} = CASE WHEN @aside THEN NULL ELSE now() + @wait END, {table[nameof(OutboxTask.SetAsideAt)]} = CASE WHEN @aside THEN now() END
        WHERE {table[nameof(OutboxTask.Id)]} = @id
        """;

    /// <summary>How many wait, since when, how many of them were refused, and how many are set aside.</summary>
    public static string Count(OutboxTable table)
    {
        string aside = table[nameof(OutboxTask.SetAsideAt)];
        return $"""
            SELECT count(*) FILTER (WHERE {aside} IS NULL), extract(epoch FROM now() - min({table[nameof(OutboxTask.EnqueuedAt)]}) FILTER (WHERE {aside} IS NULL))::float8,
                count(*) FILTER (WHERE {aside} IS NULL AND {table[nameof(OutboxTask.Attempts)]} > 0), count(*) FILTER (WHERE {aside} IS NOT NULL)
            FROM {table.Name}
            """;
    }
}
