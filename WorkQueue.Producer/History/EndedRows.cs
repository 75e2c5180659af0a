using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>
/// The finished tasks in the order they finished, to drop the oldest first: what succeeded or was cancelled before dead letters, which
/// somebody still has to look at.
/// </summary>
internal sealed class EndedRows
{
    private const int Slack = 4096;

    private Queue<(TaskRow Row, int Ticket)> _done = new();
    private Queue<(TaskRow Row, int Ticket)> _dead = new();

    public void Add(TaskRow row)
    {
        row.EndTicket++;
        ref Queue<(TaskRow Row, int Ticket)> rows = ref row.State == TaskState.DeadLettered ? ref _dead : ref _done;
        rows.Enqueue((row, row.EndTicket));
        if (rows.Count > Slack && rows.Count == rows.Capacity)
        {
            // A task that is redriven again and again leaves an entry each time.
            rows = new Queue<(TaskRow Row, int Ticket)>(rows.Where(IsValid));
            rows.EnsureCapacity(rows.Count + (rows.Count / 2));
        }
    }

    /// <summary>Takes out the one that finished first; null when none is left.</summary>
    public TaskRow? TakeOldest() => TakeOldest(_done) ?? TakeOldest(_dead);

    private static TaskRow? TakeOldest(Queue<(TaskRow Row, int Ticket)> rows)
    {
        while (rows.TryDequeue(out (TaskRow Row, int Ticket) entry))
        {
            if (IsValid(entry))
            {
                return entry.Row;
            }
        }

        return null;
    }

    private static bool IsValid((TaskRow Row, int Ticket) entry) => entry.Row.EndTicket == entry.Ticket && entry.Row.HasEnded && !entry.Row.IsGone;
}
