namespace WorkQueue.Producer.History;

/// <summary>Whether a task fits a query; pure.</summary>
internal static class RowFilter
{
    public static bool Fits(TaskRow row, TaskQuery query) =>
        query.States?.Contains(row.Shown) != false
        && (query.Type is null || query.Type == row.Type)
        && (query.Queue is null || query.Queue == row.Queue)
        && (query.Search is not { } part || ContainsAny(part, row.Type, row.Queue, row.Worker, row.Error?.Reason, row.Error?.Type, row.Error?.Text) || row.Key.Contains(part));

    public static bool Fits(TaskView task, TaskQuery query) =>
        query.States?.Contains(task.State) != false && (query.Type is null || query.Type == task.Type) && (query.Queue is null || query.Queue == task.Queue);

    private static bool ContainsAny(string part, params ReadOnlySpan<string?> texts)
    {
        foreach (string? text in texts)
        {
            if (text?.Contains(part, StringComparison.OrdinalIgnoreCase) == true)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>What the row was before a record, for the live figures.</summary>
internal readonly record struct RowBefore(bool WasThere, bool HadEnded, long ReadySince)
{
    public static RowBefore Of(TaskRow row) => new(true, row.HasEnded, RowRules.RankOf(row.State) == RowRules.Waiting ? row.WaitingSince : Milliseconds.Unknown);
}
