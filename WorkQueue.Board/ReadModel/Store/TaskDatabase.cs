using Microsoft.Data.Sqlite;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>
/// The SQLite file of the read model: one connection that writes, any number that read what was committed last. It is a copy of the history and nothing
/// else: whoever finds it missing, foreign or damaged makes it anew.
/// </summary>
internal sealed class TaskDatabase : IDisposable
{
    /// <summary>No file.</summary>
    public const string Memory = ":memory:";

    private const int MostOfOneName = 100;

    private readonly Lock _gate = new();
    private readonly string? _wanted;
    private string? _path;
    // Whoever has this file open has the database.
    private FileStream? _claim;

    private TaskDatabase(string? path, Action<string> useless)
    {
        _wanted = path;
        (_path, _claim) = Claim(path);
        try
        {
            Writing = Connect();
            if (TaskSchema.Version(Writing) == TaskSchema.Current)
            {
                return;
            }

            useless("it is of another version of this program");
        }
        catch (SqliteException failure) when (IsDamage(failure) || failure.SqliteErrorCode == SQLitePCL.raw.SQLITE_ERROR)
        {
            // Damaged, or of another program, whose tables are others.
            useless(failure.Message);
        }

        Recreate();
    }

    /// <summary>Where it is; <c>:memory:</c> for none.</summary>
    public string Path => _path ?? Memory;

    /// <summary>The connection that writes; of the one writer.</summary>
    public SqliteConnection Writing { get; private set; } = new();

    /// <summary>Opens a file, or where another process of this machine has it the next of its name: <c>tasks.db</c>, <c>tasks.2.db</c>.</summary>
    /// <param name="path">The file; <c>:memory:</c> for none.</param>
    /// <param name="useless">Told why a file that is there is made anew.</param>
    /// <exception cref="IOException">It cannot be made there.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be made there.</exception>
    /// <exception cref="SqliteException">It cannot be made there.</exception>
    public static TaskDatabase Open(string path, Action<string> useless) => new(path == Memory ? null : path, useless);

    /// <summary>Whether the file is still the one that was opened: somebody may delete it at any time.</summary>
    public bool IsThere => _path is null || (File.Exists(_path) && File.Exists(LockOf(_path)));

    /// <summary>Whether a failure says that the file itself is of no more use.</summary>
    public static bool IsDamage(SqliteException failure) => failure.SqliteErrorCode is SQLitePCL.raw.SQLITE_CORRUPT or SQLitePCL.raw.SQLITE_NOTADB;

    /// <summary>Makes it anew, empty.</summary>
    public void Recreate()
    {
        lock (_gate)
        {
            Writing.Dispose();
            if (_path is not null)
            {
                // Somebody may have deleted the folder, and the lock file with it: it locks nobody out any more.
                _claim?.Dispose();
                ClearPool();
                (_path, _claim) = Claim(_wanted);
                foreach (string file in (string[])[_path!, $"{_path}-wal", $"{_path}-shm"])
                {
                    File.Delete(file);
                }

                // After that: no connection to the deleted file comes back.
                ClearPool();
            }

            Writing = Connect();
        }
    }

    /// <summary>Does something while nobody else uses the connection that writes.</summary>
    public void Alone(Action act)
    {
        lock (_gate)
        {
            act();
        }
    }

    /// <summary>Asks something of what was committed last.</summary>
    public T Read<T>(Func<SqliteConnection, T> ask)
    {
        if (_path is null)
        {
            // One in memory has one connection.
            lock (_gate)
            {
                return ask(Writing);
            }
        }

        using SqliteConnection connection = new(Text(readOnly: true));
        connection.Open();
        TaskSchema.AddFunctions(connection);
        // Several questions, one answer: what is committed in between is not seen.
        Statement.Run(connection, "BEGIN");
        try
        {
            return ask(connection);
        }
        finally
        {
            EndTransaction(connection);
        }
    }

    /// <summary>Writes all of it, or nothing.</summary>
    public void Write(Action write)
    {
        lock (_gate)
        {
            Statement.Run(Writing, "BEGIN IMMEDIATE");
            try
            {
                write();
                Statement.Run(Writing, "COMMIT");
            }
            catch
            {
                EndTransaction(Writing);
                throw;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Writing.Dispose();
            if (_path is not null)
            {
                ClearPool();
            }

            _claim?.Dispose();
        }
    }

    private static string LockOf(string path) => $"{path}.lock";

    private static (string? Path, FileStream? Claim) Claim(string? path)
    {
        if (path is null)
        {
            return (null, null);
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        for (int number = 1; ; number++)
        {
            string file = number == 1 ? path : System.IO.Path.ChangeExtension(path, $"{number}{System.IO.Path.GetExtension(path)}");
            try
            {
                return (file, new FileStream(LockOf(file), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException) when (number < MostOfOneName && File.Exists(LockOf(file)))
            {
                // Another process has it.
            }
        }
    }

    // SQLite itself has ended it where the disk is full, for example.
    private static void EndTransaction(SqliteConnection connection)
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) == 0)
        {
            Statement.Run(connection, "ROLLBACK");
        }
    }

    private void ClearPool()
    {
        using SqliteConnection pooled = new(Text(readOnly: true));
        SqliteConnection.ClearPool(pooled);
    }

    private SqliteConnection Connect()
    {
        SqliteConnection connection = new(Text(readOnly: false));
        try
        {
            connection.Open();
            TaskSchema.Prepare(connection);
            TaskSchema.AddFunctions(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private string Text(bool readOnly) => new SqliteConnectionStringBuilder
    {
        DataSource = Path,
        Mode = readOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWriteCreate,
        Pooling = readOnly,
    }.ToString();
}
