namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>Rows that the broker has, and that may still be in the table since the end of their batch failed: they are deleted, and not sent again.</summary>
internal sealed class ConfirmedRows
{
    // Those that another relay has deleted meanwhile do not come again, and are not to pile up.
    private const int Most = 10_000;

    // A number alone is given out again in a table that was truncated.
    private readonly HashSet<(long Id, string TaskId)> _rows = [];

    public bool Has(OutboxRow row) => _rows.Contains((row.Id, row.TaskId));

    public void Add(IReadOnlyCollection<OutboxRow> rows)
    {
        if (_rows.Count + rows.Count > Most)
        {
            _rows.Clear();
        }

        _rows.UnionWith(rows.Select(row => (row.Id, row.TaskId)));
    }

    public void Remove(IReadOnlyCollection<OutboxRow> rows) => _rows.ExceptWith(rows.Select(row => (row.Id, row.TaskId)));
}
