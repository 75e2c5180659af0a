using System.Data;
using System.Data.Common;
using System.Text;
using Microsoft.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore.Storage;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>
/// A transaction of the relay: rows that are locked, sent, and deleted. Past the context's own transactions, which a retrying execution strategy would begin again, and send everything twice.
/// </summary>
internal sealed class OutboxBatch : IAsyncDisposable
{
    // Texts of tasks in memory: a batch of the largest ones would be gigabytes.
    private const long MostBytes = 16 * 1024 * 1024;
    private const int MostError = 2_000;

    private readonly DbConnection _connection;
    private readonly DbTransaction _transaction;
    private readonly OutboxTable _table;

    private OutboxBatch(DbConnection connection, DbTransaction transaction, OutboxTable table) => (_connection, _transaction, _table) = (connection, transaction, table);

    /// <summary>Its rows, in their order.</summary>
    public IReadOnlyList<OutboxRow> Rows { get; private set; } = [];

    /// <summary>There may be more that can be sent at once.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Locks rows.</summary>
    /// <param name="context">Whose database it is; its connection ends with it.</param>
    /// <param name="table">The table.</param>
    /// <param name="limits">Which, and how many.</param>
    /// <param name="stopping">Stops the waiting for the database.</param>
    public static async Task<OutboxBatch> TakeAsync(DbContext context, OutboxTable table, BatchLimits limits, CancellationToken stopping)
    {
        await context.Database.OpenConnectionAsync(stopping);
        DbConnection connection = context.Database.GetDbConnection();
        OutboxBatch batch = new(connection, await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, stopping), table);
        try
        {
            await batch.TakeAsync(limits, stopping);
            return batch;
        }
        catch
        {
            await batch.DisposeAsync();
            throw;
        }
    }

    /// <summary>Writes down what came of the rows, and commits. Whatever the stop of a program: what was sent is to be deleted.</summary>
    /// <param name="sent">The rows that the broker has.</param>
    /// <param name="refused">Those that were not taken.</param>
    /// <returns>How many of the rows that were sent are deleted.</returns>
    public async Task<int> EndAsync(long[] sent, IReadOnlyList<RefusedRow> refused)
    {
        int deleted = 0;
        if (sent.Length > 0)
        {
            await using DbCommand delete = Command(OutboxSql.Delete(_table), ("ids", sent));
            deleted = await delete.ExecuteNonQueryAsync(CancellationToken.None);
        }

        foreach (RefusedRow row in refused)
        {
            await using DbCommand refuse = Command(
                OutboxSql.Refuse(_table), ("id", row.Id), ("attempts", row.Attempts), ("rules", row.RuleAttempts), ("error", Storable(row.Error)), ("wait", row.Wait ?? TimeSpan.Zero), ("aside", row.Wait is null));
            await refuse.ExecuteNonQueryAsync(CancellationToken.None);
        }

        await _transaction.CommitAsync(CancellationToken.None);
        return deleted;
    }

    public ValueTask DisposeAsync() => _transaction.DisposeAsync();

    private async Task TakeAsync(BatchLimits limits, CancellationToken stopping)
    {
        bool isTurn = false;
        await using (DbCommand begin = Command(OutboxSql.Begin(_table, limits.Longest)))
        {
            isTurn = await begin.ExecuteScalarAsync(stopping) is true;
        }

        List<(long Id, long Bytes)> locked = [];
        foreach (string queue in limits.Probed)
        {
            locked.AddRange(await LockAsync(OutboxSql.Take(_table, isTurn, 1, areIn: true), [queue], stopping));
        }

        List<(long Id, long Bytes)> others = await LockAsync(OutboxSql.Take(_table, isTurn, limits.Most, areIn: false), limits.Paused, stopping);
        locked.AddRange(others);
        long bytes = 0;
        long[] ids = [.. locked.TakeWhile((row, index) => (bytes += row.Bytes) <= MostBytes || index == 0).Select(row => row.Id)];
        Rows = ids.Length == 0 ? [] : await ReadAsync(ids, stopping);
        IsFull = others.Count == limits.Most || ids.Length < locked.Count;
    }

    private async Task<List<(long Id, long Bytes)>> LockAsync(string text, string[] queues, CancellationToken stopping)
    {
        List<(long, long)> rows = [];
        await using DbCommand take = Command(text, ("queues", queues));
        await using DbDataReader reader = await take.ExecuteReaderAsync(stopping);
        while (await reader.ReadAsync(stopping))
        {
            rows.Add((reader.GetInt64(0), reader.GetInt32(1)));
        }

        return rows;
    }

    private async Task<IReadOnlyList<OutboxRow>> ReadAsync(long[] ids, CancellationToken stopping)
    {
        List<OutboxRow> rows = [];
        await using DbCommand read = Command(OutboxSql.Read(_table), ("ids", ids));
        await using DbDataReader reader = await read.ExecuteReaderAsync(stopping);
        while (await reader.ReadAsync(stopping))
        {
            rows.Add(new OutboxRow(
                reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), Text(reader, 4), reader.GetInt32(5), reader.GetString(6), Text(reader, 7), Text(reader, 8), reader.GetInt32(9),
                reader.GetInt32(10)));
        }

        return [.. rows.OrderBy(row => row.Id)];
    }

    // What the column does not take would undo the whole batch, each time: too much, no character, half a one.
    private static string Storable(string error) =>
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes((error.Length > MostError ? error[..MostError] : error).Replace("\0", "", StringComparison.Ordinal)));

    private static string? Text(DbDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private DbCommand Command(string text, params (string Name, object Value)[] parameters)
    {
        DbCommand command = _connection.CreateCommand();
        command.Transaction = _transaction;
#pragma warning disable CA2100 // Names of the program's own model, quoted by its provider; values are parameters.
        command.CommandText = text;
#pragma warning restore CA2100
        foreach ((string name, object value) in parameters)
        {
            DbParameter parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        return command;
    }
}

/// <summary>A row that was not taken.</summary>
/// <param name="Id">The row.</param>
/// <param name="Attempts">How often it has been tried.</param>
/// <param name="RuleAttempts">How often of these it broke a rule.</param>
/// <param name="Error">Why.</param>
/// <param name="Wait">Until its next try; null sets it aside.</param>
internal sealed record RefusedRow(long Id, int Attempts, int RuleAttempts, string Error, TimeSpan? Wait);

/// <summary>Which rows a batch has.</summary>
/// <param name="Most">How many, besides those that try a queue.</param>
/// <param name="Longest">For how long sending them can take.</param>
/// <param name="Paused">The queues that are left out.</param>
/// <param name="Probed">Those of them that are tried, with one row each.</param>
internal sealed record BatchLimits(int Most, TimeSpan Longest, string[] Paused, string[] Probed);
