using Microsoft.Extensions.Options;

namespace WorkQueue.Board.Api;

/// <summary>The call <c>GET /scaling</c>.</summary>
internal static class ScalingEndpoints
{
    private const int MostWorkers = 10_000;

    public static void MapScaling(this IEndpointRouteBuilder app) =>
        app.MapGet("/scaling", ReadAsync)
            .WithTags("Workers")
            .WithHistoryState()
            .Produces<ScalingView>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueGetScaling")
            .WithSummary("How many workers a queue needs for its tasks to be started in time, and why; for autoscalers.");

    private static Task<ScalingView> ReadAsync(ScalingReader scaling, IOptions<TaskBoardOptions> options, string? queue, string? target, string? min, string? max, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(queue))
        {
            throw new BadHttpRequestException("queue is missing; say which one: /scaling?queue=default.");
        }

        int most = QueryValues.Number("max", max, 1, MostWorkers, options.Value.ScalingMax);
        int fewest = QueryValues.Number("min", min, 0, MostWorkers, Math.Min(options.Value.ScalingMin, most));
        return fewest > most
            ? throw new BadHttpRequestException($"min is '{fewest}', which is more than max ({most}).")
            : scaling.ReadAsync(queue, new ScalingSettings(QueryValues.Target(target) ?? options.Value.ScalingTarget, fewest, most, options.Value.ScalingStabilisation), cancellationToken);
    }
}
