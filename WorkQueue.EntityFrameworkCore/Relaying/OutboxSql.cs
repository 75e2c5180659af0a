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
    /// <see cref="Take"/>, which has to see what the relay before has deleted. That goes by the indexes, and in their order, whatever the statistics say, which of a table that is mostly empty
    /// are wrong when it is not.
    /// </summary>
    public static string Begin(OutboxTable table, TimeSpan longest) => string.Create(
        CultureInfo.InvariantCulture,
        $"SET LOCAL idle_in_transaction_session_timeout = {(long)longest.TotalMilliseconds}; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SELECT pg_try_advisory_xact_lock({LockClass}, '{table.Name.Replace("'", "''", StringComparison.Ordinal)}'::regclass::oid::bigint::bit(32)::int)");

    /// <summary>Locks the rows of a batch and tells their ids, in their order, and the sizes of their tasks. Of a sequence none is taken while one of it waits for its next try.</summary>
    /// <param name="table">The table.</param>
    /// <param name="isTurn">Also those in sequences.</param>
    /// <param name="most">How many.</param>
    /// <param name="areIn">Whether they are in the queues @queues, or in others.</param>
    public static string Take(OutboxTable table, bool isTurn, int most, bool areIn)
    {
        string id = table[nameof(OutboxTask.Id)], next = table[nameof(OutboxTask.NextTryAt)], aside = table[nameof(OutboxTask.SetAsideAt)], sequence = table[nameof(OutboxTask.Sequence)];
        (string isItsTurn, string order) = isTurn
            ? ($"(o.{sequence} IS NULL OR NOT EXISTS (SELECT 1 FROM waiting w WHERE w.{sequence} = o.{sequence}))", $"o.{id}")
            : ($"o.{sequence} IS NULL", $"o.{aside}, o.{sequence}, o.{id}");
        // Read once, by the index of its own: looked up for each row, it would be looked for among all of its sequence.
        return string.Create(CultureInfo.InvariantCulture, $"""
            WITH waiting AS MATERIALIZED (SELECT e.{sequence} FROM {table.Name} e WHERE e.{next} > now() AND e.{sequence} IS NOT NULL)
            SELECT o.{id}, octet_length(o.{table[nameof(OutboxTask.Task)]})
            FROM {table.Name} o
            WHERE o.{aside} IS NULL AND (o.{next} IS NULL OR o.{next} <= now()) AND o.{table[nameof(OutboxTask.Queue)]} {(areIn ? "= ANY" : "<> ALL")} (@queues) AND {isItsTurn}
            ORDER BY {order} LIMIT {most} FOR UPDATE OF o SKIP LOCKED
            """);
    }

    /// <summary>Rows that are locked, in any order.</summary>
    public static string Read(OutboxTable table) => $"""
        SELECT {table[nameof(OutboxTask.Id)]}, {table[nameof(OutboxTask.TaskId)]}, {table[nameof(OutboxTask.Type)]}, {table[nameof(OutboxTask.Queue)]}, {table[nameof(OutboxTask.Sequence)]}, {table[nameof(OutboxTask.Format)]},
            {table[nameof(OutboxTask.Task)]}, {table[nameof(OutboxTask.TraceParent)]}, {table[nameof(OutboxTask.TraceState)]}, {table[nameof(OutboxTask.Attempts)]}, {table[nameof(OutboxTask.RuleAttempts)]}
        FROM {table.Name} WHERE {table[nameof(OutboxTask.Id)]} = ANY(@ids)
        """;

    /// <summary>What was sent.</summary>
    public static string Delete(OutboxTable table) => $"DELETE FROM {table.Name} WHERE {table[nameof(OutboxTask.Id)]} = ANY(@ids)";

    /// <summary>What was not taken. The transaction may have begun long before that was known.</summary>
    public static string Refuse(OutboxTable table) => $"""
        UPDATE {table.Name} SET {table[nameof(OutboxTask.Attempts)]} = @attempts, {table[nameof(OutboxTask.RuleAttempts)]} = @rules, {table[nameof(OutboxTask.Error)]} = @error,
            {table[nameof(OutboxTask.NextTryAt)]} = CASE WHEN @aside THEN NULL ELSE clock_timestamp() + @wait END, {table[nameof(OutboxTask.SetAsideAt)]} = CASE WHEN @aside THEN clock_timestamp() END
        WHERE {table[nameof(OutboxTask.Id)]} = @id
        """;

    /// <summary>How many wait, since when, how many of them were refused, and how many are set aside; of none more than <paramref name="most"/> are counted.</summary>
    public static string Count(OutboxTable table, int most)
    {
        string aside = table[nameof(OutboxTask.SetAsideAt)];
        string Those(string rule) => string.Create(CultureInfo.InvariantCulture, $"(SELECT count(*) FROM (SELECT 1 FROM {table.Name} WHERE {rule} LIMIT {most}) those)");
        return $"""
            SELECT {Those($"{aside} IS NULL")},
                (SELECT extract(epoch FROM now() - {table[nameof(OutboxTask.EnqueuedAt)]})::float8 FROM {table.Name} WHERE {aside} IS NULL ORDER BY {table[nameof(OutboxTask.Id)]} LIMIT 1),
                {Those($"{table[nameof(OutboxTask.NextTryAt)]} IS NOT NULL")}, {Those($"{aside} IS NOT NULL")}
            """;
    }
}
