using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Batches;

/// <summary>The ends of members that are told at once: one entry of the log for all of a batch, which is what makes many of them cheap.</summary>
internal static class BatchEnds
{
    /// <summary>What the ends change; null where all of them are known.</summary>
    public static BatchChange? Of(BatchRecord batch, IEnumerable<TaskEnd> ends)
    {
        Dictionary<int, BatchMarks.Mark> ended = [];
        foreach (TaskEnd end in ends)
        {
            // Who writes the header by himself says nothing of another's task.
            if (BatchMark.ReadName(end.Name) is { } member && member.BatchId == batch.Id && member.TaskId == end.TaskId
                && MarkOf(end.State) is not BatchMarks.Mark.Pending and var mark && batch.Marks.Changes(member.Number, mark)
                && ended.GetValueOrDefault(member.Number) != BatchMarks.Mark.Succeeded)
            {
                ended[member.Number] = mark;
            }
        }

        return ended.Count == 0 ? null : new BatchChange(batch.Id)
        {
            Succeeded = With(BatchMarks.Mark.Succeeded),
            DeadLettered = With(BatchMarks.Mark.DeadLettered),
            Cancelled = With(BatchMarks.Mark.Cancelled),
        };

        int[]? With(BatchMarks.Mark mark)
        {
            int[] some = [.. ended.Where(end => end.Value == mark).Select(end => end.Key).Order()];
            return some.Length > 0 ? some : null;
        }
    }

    public static BatchMarks.Mark MarkOf(TaskState state) => state switch
    {
        TaskState.Succeeded => BatchMarks.Mark.Succeeded,
        TaskState.DeadLettered => BatchMarks.Mark.DeadLettered,
        TaskState.Cancelled => BatchMarks.Mark.Cancelled,
        _ => BatchMarks.Mark.Pending,
    };
}
