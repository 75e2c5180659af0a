namespace WorkQueue.Producer.History;

/// <summary>
/// Rows by a time, the earliest first. An entry whose row has moved on is passed over when it comes up; when most have, all those are thrown out.
/// </summary>
/// <param name="isValid">Whether a row still belongs here under its time.</param>
internal sealed class RowHeap(Func<TaskRow, long, bool> isValid)
{
    private const int Slack = 4096;

    private PriorityQueue<TaskRow, long> _rows = new();
    private int _rebuildAt = Slack;

    public void Add(TaskRow row, long time)
    {
        _rows.Enqueue(row, time);
        if (_rows.Count > _rebuildAt)
        {
            _rows = new PriorityQueue<TaskRow, long>(_rows.UnorderedItems.Where(entry => isValid(entry.Element, entry.Priority)));
            _rebuildAt = (_rows.Count * 2) + Slack;
        }
    }

    /// <summary>The earliest row and its time, or null.</summary>
    public (TaskRow Row, long Time)? First()
    {
        while (_rows.TryPeek(out TaskRow? row, out long time))
        {
            if (isValid(row, time))
            {
                return (row, time);
            }

            _rows.Dequeue();
        }

        return null;
    }

    /// <summary>Takes out the earliest row if its time has come.</summary>
    public TaskRow? TakeUntil(long now)
    {
        if (First() is not { } first || first.Time > now)
        {
            return null;
        }

        _rows.Dequeue();
        return first.Row;
    }
}
