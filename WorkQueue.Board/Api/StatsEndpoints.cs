namespace WorkQueue.Board.Api;

/// <summary>The call <c>GET /stats</c>.</summary>
internal static class StatsEndpoints
{
    public static void MapStats(this IEndpointRouteBuilder app) =>
        app.MapGet("/stats", ReadAsync)
            .WithTags("Stats")
            .WithHistoryState()
            .Produces<StatsView>()
            .WithName("WorkQueueGetStats")
            .WithSummary("All tasks by state, rates, waiting and running times, and what is wrong at the moment.");

    private static Task<StatsView> ReadAsync(StatsReader stats, CancellationToken cancellationToken) => stats.ReadAsync(cancellationToken);
}
