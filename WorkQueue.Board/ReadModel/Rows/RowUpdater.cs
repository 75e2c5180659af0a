using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>Takes a record into its row; says nothing of the rows around it.</summary>
internal static class RowUpdater
{
    private const int MaxProgressText = 200;
    private const int MaxSuccesses = 100;

    /// <summary>Takes a record in.</summary>
    /// <returns>Whether the row has its state from it now.</returns>
    public static bool Apply(HistoryRecord record, TaskRow row)
    {
        Note(record, row);
        bool wins = RowRules.Wins(record, row);
        if (wins)
        {
            TakeState(record, row);
        }

        // A progress counts for the run that is known, and one that begins later knows of none.
        bool current = row.State == TaskState.Running && (record.Redriven, record.Attempt, record.Returned) == (row.Redriven, row.Attempt, row.Returned);
        if (record.Kind == HistoryKind.Progress && current && record.Offset > row.StateOffset && record.Offset > (row.Progress?.Offset ?? -1))
        {
            string? text = record.Progress is { Length: > MaxProgressText } longer ? longer[..MaxProgressText] : record.Progress;
            row.Progress = new RunProgress(record.Offset, record.Percent, text);
        }

        return wins;
    }

    // What a record tells whether or not it is the last one.
    private static void Note(HistoryRecord record, TaskRow row)
    {
        if (record.Kind != HistoryKind.Progress)
        {
            row.Offsets.Add(record.Offset);
        }

        // What only tells of a run does not carry it.
        row.LaneKey ??= record.Key;
        long enqueued = Milliseconds.Of(record.EnqueuedAt ?? record.At);
        bool earlier = row.EnqueuedAt == Milliseconds.Unknown || enqueued < row.EnqueuedAt;
        row.EnqueuedAt = earlier && enqueued != Milliseconds.Unknown ? enqueued : row.EnqueuedAt;
        row.DiedAfter = record.State == TaskState.DeadLettered ? Math.Max(row.DiedAfter, record.Redriven) : row.DiedAfter;
        row.DroppedAfter = record.Kind == HistoryKind.Dropped ? Math.Max(row.DroppedAfter, record.Redriven) : row.DroppedAfter;
        if (record.State == TaskState.Succeeded)
        {
            NoteSuccess(RowRules.RunOf(record), row);
        }
    }

    private static void NoteSuccess(int run, TaskRow row)
    {
        if (row.State != TaskState.Succeeded)
        {
            row.SuccessfulRun = run;
        }
        else if (run != row.SuccessfulRun && row.Duplicates < MaxSuccesses && row.LaterSuccesses?.Contains(run) != true)
        {
            row.LaterSuccesses = [.. row.LaterSuccesses ?? [], run];
        }
    }

    private static void TakeState(HistoryRecord record, TaskRow row)
    {
        bool byProgress = record.Kind == HistoryKind.Progress;
        bool sameRun = row.State == TaskState.Running && (record.Redriven, record.Attempt, record.Returned) == (row.Redriven, row.Attempt, row.Returned);
        row.Type = record.Type;
        row.Queue = record.Queue;
        row.State = row.Shown = record.State;
        (row.Attempt, row.Redriven, row.Returned) = (record.Attempt, record.Redriven, record.Returned);
        if (record is { State: TaskState.Cancelled, Reason: IDeadLetters.NotRedriven })
        {
            // Its letter is where it was.
            row.DiedAfter = Math.Max(row.DiedAfter, 0);
            (row.State, row.Shown, row.Redriven) = (TaskState.DeadLettered, TaskState.DeadLettered, row.DiedAfter);
        }

        row.StateOffset = byProgress ? -1 : record.Offset;
        row.ChangedAt = Milliseconds.Of(record.At);
        row.DueAt = record.State is TaskState.Scheduled or TaskState.Retrying ? Milliseconds.Of(record.DueAt) : Milliseconds.Unknown;
        // Of a task that waits for its next attempt, worker and start are those of the attempt before; of a dropped one, of nobody.
        bool ran = RowRules.RankOf(record.State) != RowRules.Waiting && record.Kind != HistoryKind.Dropped;
        row.Worker = ran ? record.Worker : null;
        row.StartedAt = ran ? Milliseconds.Of(record.StartedAt) : Milliseconds.Unknown;
        row.Progress = record.State == TaskState.Running && sameRun && row.Progress?.Offset > record.Offset ? row.Progress : null;
        // Of what waits for its first attempt it is why it went back to the ladder.
        bool isTold = record.State is TaskState.Scheduled or TaskState.Retrying or TaskState.DeadLettered or TaskState.Cancelled;
        row.Error = isTold ? ErrorText.Of(record.Reason, record.ErrorType, record.Error) : null;
    }
}
