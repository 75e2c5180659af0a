using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Batches;

/// <summary>The ends of members that are told at once: one entry of the log for all of a batch, which is what makes many of them cheap.</summary>
internal static class BatchEnds
{
    /// <summary>What the ends change; null where all of them are known.</summary>
    public static BatchChange? Of(BatchRecord batch, IEnumerable<TaskEnd> ends)
    {
        Dictionary<int, BatchMarks.MemberMark> ended = [];
        foreach (TaskEnd end in ends)
        {
            // Who writes the header by himself says nothing of another's task.
            if (BatchMark.ReadName(end.Name) is { } member && member.BatchId == batch.Id && member.TaskId == end.TaskId
                && MarkOf(end.State) is not BatchMarks.MemberMark.Pending and var mark && batch.Marks.Changes(member.Number, mark)
                && ended.GetValueOrDefault(member.Number) != BatchMarks.MemberMark.Succeeded)
            {
                ended[member.Number] = mark;
            }
        }

        return ended.Count == 0 ? null : new BatchChange(batch.Id)
        {
            Succeeded = With(BatchMarks.MemberMark.Succeeded),
            DeadLettered = With(BatchMarks.MemberMark.DeadLettered),
            Cancelled = With(BatchMarks.MemberMark.Cancelled),
        };

        int[]? With(BatchMarks.MemberMark mark)
        {
            int[] some = [.. ended.Where(end => end.Value == mark).Select(end => end.Key).Order()];
            return some.Length > 0 ? some : null;
        }
    }

    public static BatchMarks.MemberMark MarkOf(TaskState state) => state switch
    {
        TaskState.Succeeded => BatchMarks.MemberMark.Succeeded,
        TaskState.DeadLettered => BatchMarks.MemberMark.DeadLettered,
        TaskState.Cancelled => BatchMarks.MemberMark.Cancelled,
        _ => BatchMarks.MemberMark.Pending,
    };
}
