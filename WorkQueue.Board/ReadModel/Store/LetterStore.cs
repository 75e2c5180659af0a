using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>A dead letter as the history tells of it; its payload is at the offset of its record.</summary>
internal sealed record LetterEntry(long Offset, string Id, string Type, string Queue, int Attempt, int Redriven, DateTimeOffset? EnqueuedAt, DateTimeOffset? DeadAt, ErrorText? Error);

/// <summary>Takes records into the table of dead letters, each by its record: several may be of one task. A letter is there until it is redriven or discarded.</summary>
internal sealed class LetterStore(SqliteConnection connection) : IDisposable
{
    private const int MaxText = 1000;

    // A redrive that fails does so soon after the record that took its letter.
    private const int MostTaken = 1000;

    private readonly Statement _add = new(connection, "INSERT OR IGNORE INTO letters VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

    // The oldest: a queue gives its letters in the order they came.
    private readonly Statement _take = new(
        connection,
        "UPDATE letters SET taken = ?4 WHERE offset = (SELECT offset FROM letters WHERE id = ?1 AND +taken = 0 AND redriven BETWEEN ?2 AND ?3 ORDER BY offset LIMIT 1)");

    private bool _hasTaken;

    public void Take(HistoryRecord record)
    {
        switch (record)
        {
            case { Kind: not HistoryKind.State }:
                break;
            case { State: TaskState.DeadLettered }:
                Add(record);
                break;
            // A redrive is attempt 1 of a higher count, the next unless one between was cancelled, and nobody had it before.
            case { State: TaskState.Queued, Redriven: > 0, Attempt: 1, Returned: 0, Worker: null }:
                if (!Take(record, record.Redriven - 1, record.Redriven - 1))
                {
                    Take(record, 0, record.Redriven - 1);
                }

                break;
            case { State: TaskState.Cancelled, Reason: IDeadLetters.Discarded }:
                Take(record, record.Redriven, record.Redriven);
                break;
            case { State: TaskState.Cancelled, Reason: IDeadLetters.NotRedriven }:
                PutBack(record);
                break;
        }
    }

    /// <summary>Forgets letters that were taken away long ago.</summary>
    public void Trim()
    {
        if (_hasTaken)
        {
            Statement.Run(connection, "DELETE FROM letters WHERE taken > 0 AND taken <= (SELECT taken FROM letters WHERE taken > 0 ORDER BY taken DESC LIMIT 1 OFFSET ?1)", (long)MostTaken);
            _hasTaken = false;
        }
    }

    public void Dispose()
    {
        _add.Dispose();
        _take.Dispose();
    }

    private void Add(HistoryRecord record)
    {
        ErrorText? error = ErrorText.Of(record.Reason, record.ErrorType, record.Error, MaxText);
        _add.Run(
            record.Offset, record.TaskId, record.Type, record.Queue, (long)record.Attempt, (long)record.Redriven, Milliseconds.Of(record.EnqueuedAt), Milliseconds.Of(record.DeadAt),
            error?.Reason, error?.Type, error?.Text);
    }

    private bool Take(HistoryRecord record, long from, long to)
    {
        bool found = _take.Run(record.TaskId, from, to, Math.Max(1, record.Offset)) > 0;
        _hasTaken |= found;
        return found;
    }

    // A younger one that is there died later, and it is that one whose redrive left no record to take it.
    private void PutBack(HistoryRecord record) => Statement.Run(
        connection,
        """
        UPDATE letters SET taken = 0 WHERE offset = (SELECT offset FROM letters WHERE id = ?1 AND taken > 0 AND redriven < ?2 ORDER BY taken DESC LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM letters younger WHERE younger.id = ?1 AND younger.taken = 0 AND younger.redriven > letters.redriven)
        """,
        record.TaskId, (long)record.Redriven);
}
