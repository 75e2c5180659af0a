using Microsoft.Data.Sqlite;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>One SQL statement that is run often; its parameters are <c>?1</c>, <c>?2</c> and so on.</summary>
internal sealed class Statement : IDisposable
{
    private readonly SqliteCommand _command;

    public Statement(SqliteConnection connection, string sql)
    {
        _command = connection.CreateCommand();
        _command.CommandText = sql;
    }

    /// <summary>Runs it once.</summary>
    public static int Run(SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using Statement statement = new(connection, sql);
        return statement.Run(values);
    }

    /// <summary>All rows of one question.</summary>
    public static List<T> Query<T>(SqliteConnection connection, string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        using Statement statement = new(connection, sql);
        using SqliteDataReader reader = statement.Read(values);
        List<T> rows = [];
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>The first value of the first row; null where there is none.</summary>
    public static long? Number(SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using Statement statement = new(connection, sql);
        return statement.Number(values);
    }

    /// <summary>A text that may be missing.</summary>
    public static string? Text(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    /// <summary>Numbers for one parameter: <c>IN (SELECT value FROM json_each(?1))</c>.</summary>
    public static string List(IEnumerable<long> numbers) => $"[{string.Join(',', numbers)}]";

    public int Run(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteNonQuery();
    }

    public long? Number(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteScalar() as long?;
    }

    public SqliteDataReader Read(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteReader();
    }

    public void Dispose() => _command.Dispose();

    private void Bind(ReadOnlySpan<object?> values)
    {
        for (int number = 0; number < values.Length; number++)
        {
            object value = values[number] ?? DBNull.Value;
            if (number < _command.Parameters.Count)
            {
                _command.Parameters[number].Value = value;
            }
            else
            {
                _command.Parameters.AddWithValue($"?{number + 1}", value);
            }
        }
    }
}
