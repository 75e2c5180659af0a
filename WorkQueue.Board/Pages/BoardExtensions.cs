using WorkQueue.Board.Pages.Models;

namespace WorkQueue.Board.Pages;

/// <summary>Adds the task board: its pages.</summary>
internal static class BoardExtensions
{
    public static void AddBoard(this IServiceCollection services)
    {
        services.AddRazorComponents();
        services.AddSingleton<BoardWork>();
        services.AddSingleton<QueueSamples>();
        services.AddHostedService(provider => provider.GetRequiredService<QueueSamples>());
    }

    public static void MapBoard(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder board = app.MapGroup("").ExcludeFromDescription().DisableHttpMetrics();
        board.AddEndpointFilter<BoardFilter>();
        board.MapAssets();
        board.MapSignIn();
        board.MapLive();
        board.MapHome();
        board.MapTaskList();
        board.MapTask();
        board.MapFile();
        board.MapQueueList();
        board.MapBatchList();
        board.MapScheduleList();
        board.MapLetters();
        board.MapWorkerList();
        board.MapNewTask();
        board.MapGet("{**rest}", (string? rest) => NoPage(rest));
    }

    private static IResult NoPage(string? path) =>
        throw new BadHttpRequestException($"There is no page '{path}'.", StatusCodes.Status404NotFound);
}
