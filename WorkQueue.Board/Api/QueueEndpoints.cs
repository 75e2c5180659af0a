using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The calls below <c>/queues</c>.</summary>
internal static class QueueEndpoints
{
    public static void MapQueues(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder queues = app.MapGroup("").WithTags("Queues");
        queues.MapGet("/queues", ListAsync)
            .WithHistoryState()
            .Produces<QueueList>()
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueListQueues")
            .WithSummary("How full each queue is, and whether it is paused.");
        queues.MapPost("/queues/{queue}/pause", PauseAsync)
            .Produces<QueuePaused>()
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueuePauseQueue")
            .WithSummary("Has workers take no more tasks from a queue, also those that start later; what runs goes on.");
        queues.MapPost("/queues/{queue}/resume", ResumeAsync)
            .Produces<QueuePaused>()
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueResumeQueue")
            .WithSummary("Has workers take tasks from a queue again.");
    }

    private static async Task<QueueList> ListAsync(QueueViews views, CancellationToken cancellationToken) => new(await views.ReadAsync(cancellationToken), null, views.SharedWarnings);

    private static async Task<QueuePaused> PauseAsync(string queue, ITaskControl control, CancellationToken cancellationToken)
    {
        await control.PauseAsync(queue, cancellationToken);
        return new QueuePaused(queue, Paused: true);
    }

    private static async Task<QueuePaused> ResumeAsync(string queue, ITaskControl control, CancellationToken cancellationToken)
    {
        await control.ResumeAsync(queue, cancellationToken);
        return new QueuePaused(queue, Paused: false);
    }
}

/// <summary>Whether a queue is paused.</summary>
/// <param name="Queue">Its name.</param>
/// <param name="Paused">Whether it is.</param>
internal sealed record QueuePaused(string Queue, bool Paused);
