using Microsoft.Data.Sqlite;

namespace WorkQueue.Producer.History.Store;

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
    private readonly string? _path;
    // Whoever has this file open has the database.
    private readonly FileStream? _claim;

    private TaskDatabase(string? path, FileStream? claim, Action<string> useless)
    {
        (_path, _claim) = (path, claim);
        try
        {
            Writing = Connect();
            if (TaskSchema.Version(Writing) == TaskSchema.Current)
            {
                return;
            }

            useless("it is of another version of this program");
        }
        catch (SqliteException failure)
        {
            // Damaged, or of another program.
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
    public static TaskDatabase Open(string path, Action<string> useless)
    {
        if (path == Memory)
        {
            return new TaskDatabase(null, null, useless);
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        for (int number = 1; ; number++)
        {
            string file = number == 1 ? path : System.IO.Path.ChangeExtension(path, $"{number}{System.IO.Path.GetExtension(path)}");
            FileStream claim;
            try
            {
                claim = new FileStream($"{file}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (number < MostOfOneName && File.Exists($"{file}.lock"))
            {
                continue;
            }

            return new TaskDatabase(file, claim, useless);
        }
    }

    /// <summary>Whether the file is still the one that was opened: somebody may delete it at any time.</summary>
    public bool IsThere => _path is null || File.Exists(_path);

    /// <summary>Whether a failure says that the file itself is of no more use.</summary>
    public static bool IsDamage(SqliteException failure) => failure.SqliteErrorCode is SQLitePCL.raw.SQLITE_CORRUPT or SQLitePCL.raw.SQLITE_NOTADB;

    /// <summary>Makes it anew, empty.</summary>
    public void Recreate()
    {
        Writing.Dispose();
        if (_path is not null)
        {
            using (SqliteConnection pooled = new(Text(readOnly: true)))
            {
                SqliteConnection.ClearPool(pooled);
            }

            foreach (string file in (string[])[_path, $"{_path}-wal", $"{_path}-shm"])
            {
                File.Delete(file);
            }
        }

        Writing = Connect();
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
            Statement.Run(connection, "ROLLBACK");
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
                // SQLite itself has taken it back where the disk is full, for example.
                if (SQLitePCL.raw.sqlite3_get_autocommit(Writing.Handle) == 0)
                {
                    Statement.Run(Writing, "ROLLBACK");
                }

                throw;
            }
        }
    }

    public void Dispose()
    {
        Writing.Dispose();
        if (_path is not null)
        {
            using SqliteConnection pooled = new(Text(readOnly: true));
            SqliteConnection.ClearPool(pooled);
        }

        _claim?.Dispose();
    }

    private SqliteConnection Connect()
    {
        SqliteConnection connection = new(Text(readOnly: false));
        connection.Open();
        TaskSchema.Prepare(connection);
        TaskSchema.AddFunctions(connection);
        return connection;
    }

    private string Text(bool readOnly) => new SqliteConnectionStringBuilder
    {
        DataSource = Path,
        Mode = readOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWriteCreate,
        Pooling = readOnly,
    }.ToString();
}
