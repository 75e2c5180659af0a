using WorkQueue.Board.Api;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The board's home.</summary>
internal static class HomeEndpoints
{
    private const int MostLines = 5;

    public static void MapHome(this IEndpointRouteBuilder board) => board.MapGet("/", ShowAsync);

    private static async Task<IResult> ShowAsync(HttpContext context, StatsReader stats, TaskProjection projection, CancellationToken cancellationToken)
    {
        StatsView view = await stats.ReadAsync(cancellationToken);
        TaskQuery running = new() { States = new HashSet<TaskState> { TaskState.Running }, Limit = MostLines };
        return Screen.Show<HomeScreen, HomeModel>(context, new HomeModel(
            view, projection.Live().PerSecond, projection.List(running).Items, projection.DeadGroups(null, MostLines), BoardUrl.Api(context)));
    }
}
