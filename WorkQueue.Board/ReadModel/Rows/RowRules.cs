using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>
/// Which of two records of a task tells its state; pure. Records come late, twice and out of order, and whatever their order the same
/// one must win: they are compared, never counted.
/// </summary>
internal static class RowRules
{
    public const int Waiting = 0;
    public const int Running = 1;
    public const int Ended = 2;

    public static int RankOf(TaskState state) => state switch
    {
        TaskState.Running => Running,
        TaskState.Succeeded or TaskState.DeadLettered or TaskState.Cancelled => Ended,
        _ => Waiting,
    };

    /// <summary>Whether a record tells more of the state than what the row has its state from.</summary>
    public static bool Wins(HistoryRecord record, TaskRow row)
    {
        // The first success is final, also for a task that was cancelled, died or was redriven.
        if (row.State == TaskState.Succeeded || record.State == TaskState.Succeeded)
        {
            return record.State == TaskState.Succeeded && (row.State != TaskState.Succeeded || Stamp(record).CompareTo((row.ChangedAt, row.StateOffset)) < 0);
        }

        if (record is { State: TaskState.Cancelled, Reason: ITaskControl.CancelledBeforeItRan } && row.State == TaskState.DeadLettered && row.Redriven >= record.Redriven)
        {
            // Who cancelled it believed it was waiting, and it had died meanwhile: its letter is there.
            return false;
        }

        int version = VersionOf(record.Redriven, record.Attempt, record.Returned, RankOf(record.State, record.Reason))
            .CompareTo(VersionOf(row.Redriven, row.Attempt, row.Returned, RankOf(row.State, row.Error?.Reason)));
        return version != 0 ? version > 0 : Tie(record, row);
    }

    /// <summary>The run a success belongs to: the same one may be recorded twice, another one is a duplicate.</summary>
    public static int RunOf(HistoryRecord record) => BinaryPrimitives.ReadInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $"{record.Redriven} {record.Attempt} {record.Returned} {Milliseconds.Of(record.StartedAt)} {record.Worker}"))));

    // What no queue took is over until it is enqueued again, and then it waits as any other.
    private static int RankOf(TaskState state, string? reason) => state == TaskState.Cancelled && reason == ITaskHistory.NotEnqueued ? Waiting : RankOf(state);

    // How often an attempt had gone back does not matter once it has ended: there is no more to come of it.
    private static (int, int, int, int) VersionOf(int redriven, int attempt, int returned, int rank) =>
        (redriven, attempt, rank == Ended ? int.MaxValue : returned, rank);

    // Running again: handed to another worker. Progress tells that a task runs, but not since when: the earliest comes nearest.
    private static bool Tie(HistoryRecord record, TaskRow row) => record.Kind == HistoryKind.Progress
        ? row.StateOffset < 0 && Milliseconds.Of(record.At) < row.ChangedAt
        : row.StateOffset < 0 || Stamp(record).CompareTo((row.ChangedAt, row.StateOffset)) > 0;

    private static (long, long) Stamp(HistoryRecord record) => (Milliseconds.Of(record.At), record.Offset);
}
