using Microsoft.Data.Sqlite;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>The tables of the read model.</summary>
internal static class TaskSchema
{
    /// <summary>Raised with every change of the tables: a file of another version is made anew.</summary>
    public const long Current = 4;

    /// <summary>The states whose time comes by itself.</summary>
    public const string Delayed = "shown IN (0, 3)";

    /// <summary>Those that wait for a worker.</summary>
    public const string Waiting = "shown = 1";

    /// <summary>Those that are over.</summary>
    public const string Ended = "shown IN (4, 5, 6)";

    /// <summary>Dead letters.</summary>
    public const string Dead = "state = 5";

    // by_kind answers every list by state, type and queue: for each pair of kind and state its tasks are in order, and the few pairs are merged.
    private static readonly string Tables = $"""
        CREATE TABLE progress (
            version INTEGER, last_offset INTEGER, last_task TEXT, last_at INTEGER, records INTEGER, starts_at INTEGER, dropped INTEGER, last_seq INTEGER);
        CREATE TABLE kinds (id INTEGER PRIMARY KEY, type TEXT NOT NULL, queue TEXT NOT NULL, UNIQUE (type, queue));
        CREATE TABLE workers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE totals (queue TEXT NOT NULL, state INTEGER NOT NULL, tasks INTEGER, duplicates INTEGER, on_broker INTEGER, PRIMARY KEY (queue, state)) WITHOUT ROWID;
        CREATE TABLE tasks (
            seq INTEGER PRIMARY KEY, id NOT NULL UNIQUE, kind INTEGER NOT NULL, state INTEGER NOT NULL, shown INTEGER NOT NULL, worker INTEGER,
            attempt INTEGER, redriven INTEGER, returned INTEGER, enqueued INTEGER, changed INTEGER, due INTEGER, started INTEGER, since INTEGER, state_offset INTEGER,
            died_after INTEGER, dropped_after INTEGER, successful_run INTEGER, later_successes TEXT, indexed INTEGER, offsets BLOB,
            reason TEXT, error_type TEXT, error TEXT, shape TEXT, progress_offset INTEGER, percent INTEGER, progress TEXT, key TEXT);
        CREATE INDEX by_kind ON tasks (kind, shown, seq);
        CREATE INDEX by_worker ON tasks (worker, seq) WHERE worker IS NOT NULL;
        CREATE INDEX by_due ON tasks (due) WHERE {Delayed};
        CREATE INDEX by_since ON tasks (kind, since) WHERE {Waiting};
        CREATE INDEX by_key ON tasks (kind, key, since) WHERE {Waiting} AND key IS NOT NULL;
        CREATE INDEX by_end ON tasks (shown, changed) WHERE {Ended};
        CREATE INDEX by_error ON tasks (kind, error_type, shape, changed) WHERE {Dead};
        CREATE TABLE letters (
            offset INTEGER PRIMARY KEY, taken INTEGER NOT NULL DEFAULT 0, id TEXT NOT NULL, type TEXT NOT NULL, queue TEXT NOT NULL, attempt INTEGER, redriven INTEGER,
            enqueued INTEGER, dead INTEGER, reason TEXT, error_type TEXT, error TEXT);
        CREATE INDEX letters_by_id ON letters (id, redriven);
        CREATE INDEX letters_by_queue ON letters (taken, queue, offset);
        CREATE VIRTUAL TABLE payloads USING fts5 (words, content = '', contentless_delete = 1, detail = none);
        CREATE VIRTUAL TABLE errors USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'trigram');
        INSERT INTO progress VALUES ({Current}, NULL, NULL, NULL, 0, NULL, 0, -1);
        """;

    static TaskSchema()
    {
        // The SQL above is of these.
        if (!Enum.GetValues<TaskState>().SequenceEqual([TaskState.Scheduled, TaskState.Queued, TaskState.Running, TaskState.Retrying, TaskState.Succeeded, TaskState.DeadLettered, TaskState.Cancelled, TaskState.Unknown]))
        {
            throw new InvalidOperationException("The states have other numbers than those in the tables; raise the version and change the SQL.");
        }
    }

    /// <summary>Makes the tables where there are none.</summary>
    public static void Prepare(SqliteConnection connection)
    {
        // A power failure may take the last moments, which are read again; never the file.
        Statement.Run(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;");
        if (Statement.Number(connection, "SELECT count(*) FROM sqlite_schema") == 0)
        {
            Statement.Run(connection, $"BEGIN; {Tables} COMMIT;");
        }
    }

    /// <summary>Of which version the tables are.</summary>
    public static long? Version(SqliteConnection connection) => Statement.Number(connection, "SELECT version FROM progress");

    /// <summary>What SQLite itself cannot: compare letters of every alphabet.</summary>
    public static void AddFunctions(SqliteConnection connection) => connection.CreateFunction(
        "holds", (string? text, string part) => text?.Contains(part, StringComparison.OrdinalIgnoreCase) == true, isDeterministic: true);
}
