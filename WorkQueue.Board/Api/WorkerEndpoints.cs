using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The call <c>GET /workers</c>.</summary>
internal static class WorkerEndpoints
{
    public static void MapWorkers(this IEndpointRouteBuilder app) =>
        app.MapGet("/workers", List)
            .WithTags("Workers")
            .Produces<Page<WorkerInfo>>()
            .WithName("WorkQueueListWorkers")
            .WithSummary("The workers heard of in the last 15 seconds, and what they run.");

    private static Page<WorkerInfo> List(IWorkerDirectory workers) => new([.. workers.Current.OrderBy(worker => worker.Id, StringComparer.Ordinal)], null);
}
