using System.Data;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore.Storage;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>
/// A transaction of the relay: rows that are locked, sent, and deleted. Past the context's own transactions, which a retrying execution strategy would begin again, and send everything twice.
/// </summary>
internal sealed class OutboxBatch : IAsyncDisposable
{
    private readonly DbConnection _connection;
    private readonly DbTransaction _transaction;
    private readonly OutboxTable _table;

    private OutboxBatch(DbConnection connection, DbTransaction transaction, OutboxTable table) => (_connection, _transaction, _table) = (connection, transaction, table);

    /// <summary>Its rows, in their order.</summary>
    public IReadOnlyList<OutboxRow> Rows { get; private set; } = [];

    /// <summary>Locks rows.</summary>
    /// <param name="context">Whose database it is; its connection ends with it.</param>
    /// <param name="table">The table.</param>
    /// <param name="most">How many.</param>
    /// <param name="longest">For how long sending them can take.</param>
    /// <param name="stopping">Stops the waiting for the database.</param>
    public static async Task<OutboxBatch> TakeAsync(DbContext context, OutboxTable table, int most, TimeSpan longest, CancellationToken stopping)
    {
        await context.Database.OpenConnectionAsync(stopping);
        DbConnection connection = context.Database.GetDbConnection();
        OutboxBatch batch = new(connection, await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, stopping), table);
        try
        {
            bool isTurn = false;
            await using (DbCommand begin = batch.Command(OutboxSql.Begin(table, longest)))
            {
                isTurn = await begin.ExecuteScalarAsync(stopping) is true;
            }

            batch.Rows = await batch.ReadAsync(OutboxSql.Take(table, isTurn, most), stopping);
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
    public async Task EndAsync(long[] sent, IReadOnlyList<RefusedRow> refused)
    {
        if (sent.Length > 0)
        {
            await using DbCommand delete = Command(OutboxSql.Delete(_table), ("ids", sent));
            await delete.ExecuteNonQueryAsync(CancellationToken.None);
        }

        foreach (RefusedRow row in refused)
        {
            await using DbCommand refuse = Command(
                OutboxSql.Refuse(_table), ("id", row.Id), ("attempts", row.Attempts), ("error", row.Error.Replace("\0", "", StringComparison.Ordinal)), ("wait", row.Wait ?? TimeSpan.Zero), ("aside", row.Wait is null));
            await refuse.ExecuteNonQueryAsync(CancellationToken.None);
        }

        await _transaction.CommitAsync(CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _transaction.DisposeAsync();

    private async Task<IReadOnlyList<OutboxRow>> ReadAsync(string text, CancellationToken stopping)
    {
        List<OutboxRow> rows = [];
        await using DbCommand take = Command(text);
        await using DbDataReader reader = await take.ExecuteReaderAsync(stopping);
        while (await reader.ReadAsync(stopping))
        {
            rows.Add(new OutboxRow(
                reader.GetInt64(0), reader.GetString(1), reader.GetString(2), Text(reader, 3), reader.GetInt32(4), reader.GetString(5), Text(reader, 6), Text(reader, 7), reader.GetInt32(8)));
        }

        return rows;
    }

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
/// <param name="Error">Why.</param>
/// <param name="Wait">Until its next try; null sets it aside.</param>
internal sealed record RefusedRow(long Id, int Attempts, string Error, TimeSpan? Wait);
