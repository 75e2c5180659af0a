using WorkQueue.Messaging;
using WorkQueue.Producer.Board.Screens;
using WorkQueue.Producer.History;

namespace WorkQueue.Producer.Board;

/// <summary>The page <c>/</c>.</summary>
internal static class HomeEndpoints
{
    private const int MostLines = 5;

    public static void MapHome(this IEndpointRouteBuilder board) => board.MapGet("/", ShowAsync);

    private static async Task<IResult> ShowAsync(HttpContext context, StatsReader stats, TaskProjection projection, CancellationToken cancellationToken)
    {
        StatsView view = await stats.ReadAsync(cancellationToken);
        TaskQuery running = new() { States = new HashSet<TaskState> { TaskState.Running }, Limit = MostLines };
        return Screen.Show<HomeScreen, HomeModel>(context, new HomeModel(
            view, projection.Live().PerSecond, projection.List(running).Items, projection.DeadGroups(null, MostLines), BoardUrl.Base(context.Request)));
    }
}

/// <summary>The page <c>/</c>.</summary>
/// <param name="Stats">The figures.</param>
/// <param name="PerSecond">The last minute.</param>
/// <param name="Running">Some that run.</param>
/// <param name="DeadGroups">The largest groups of dead letters.</param>
/// <param name="ApiUrl">Where the API is.</param>
internal sealed record HomeModel(
    StatsView Stats, IReadOnlyList<SecondCount> PerSecond, IReadOnlyList<TaskView> Running, IReadOnlyList<DeadGroup> DeadGroups, string ApiUrl)
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
