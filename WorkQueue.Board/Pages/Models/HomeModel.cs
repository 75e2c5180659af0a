using WorkQueue.Board.Api;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The board's home.</summary>
/// <param name="Stats">The figures.</param>
/// <param name="PerSecond">The last minute.</param>
/// <param name="Running">Some that run.</param>
/// <param name="DeadGroups">The largest groups of dead letters.</param>
/// <param name="ApiUrl">Where the API is; null where it is not mapped.</param>
internal sealed record HomeModel(
    StatsView Stats, IReadOnlyList<SecondCount> PerSecond, IReadOnlyList<TaskView> Running, IReadOnlyList<DeadGroup> DeadGroups, string? ApiUrl)
{
    private CountsView Counts => Stats.Counts;

    public long Pending => Counts.Scheduled + Counts.Queued + Counts.Running + Counts.Retrying;

    /// <summary>Whether every confirmed task is in exactly one of the columns.</summary>
    public bool AddsUp => Counts.Confirmed == Counts.Succeeded + Counts.DeadLettered + Counts.Cancelled + Counts.Unknown + Pending;

    public IReadOnlyList<(TaskState State, long Count)> States =>
    [
        (TaskState.Scheduled, Counts.Scheduled), (TaskState.Queued, Counts.Queued), (TaskState.Running, Counts.Running), (TaskState.Retrying, Counts.Retrying),
        (TaskState.Succeeded, Counts.Succeeded), (TaskState.DeadLettered, Counts.DeadLettered), (TaskState.Cancelled, Counts.Cancelled), .. Counts.Unknown > 0 ? [(TaskState.Unknown, Counts.Unknown)] : Array.Empty<(TaskState, long)>(),
    ];
}
