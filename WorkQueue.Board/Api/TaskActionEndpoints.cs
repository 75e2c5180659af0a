using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The calls that do something with a task that is there.</summary>
internal static class TaskActionEndpoints
{
    public static void MapTaskActions(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder tasks = app.MapGroup("").WithTags("Tasks").WithHistoryState();
        tasks.MapPost("/tasks/{id}/cancel", CancelAsync)
            .Produces<TaskAccepted>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueCancelTask")
            .WithSummary("Cancels a task: one that waits never runs, one that runs is told to stop.");
        tasks.MapPost("/tasks/{id}/run-again", RunAgainAsync)
            .Accepts<RunAgainRequest>(isOptional: true, "application/json")
            .Produces<TaskAccepted>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status429TooManyRequests)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .ProducesProblem(StatusCodes.Status504GatewayTimeout)
            .WithName("WorkQueueRunTaskAgain")
            .WithSummary("Runs a finished or dead-lettered task again under a new id, with its own payload or another.");
    }

    private static async Task<IResult> CancelAsync(HttpContext context, string id, TaskActions actions, CancellationToken cancellationToken)
    {
        TaskView task = await actions.CancelAsync(id, cancellationToken);
        return TaskAccepted.Of(context, id, task.State);
    }

    private static async Task<IResult> RunAgainAsync(string id, HttpRequest request, TaskActions actions, CancellationToken cancellationToken)
    {
        // Read whole before anything is done: a payload that is no JSON changes nothing.
        ReadOnlyMemory<byte>? payload = null;
        if (request.ContentLength > 0 || request.ContentType is not null)
        {
            RunAgainRequest again = await TaskRequestReader.ReadStrictAsync<RunAgainRequest>(request, cancellationToken);
            payload = again.Payload is { } edited ? TaskRequestReader.BytesOf(edited) : null;
        }

        EnqueuedTask enqueued = await actions.RunAgainAsync(id, payload, cancellationToken);
        return TaskAccepted.Of(request.HttpContext, enqueued.Id, enqueued.State);
    }
}

/// <summary>The body of <c>POST /tasks/{id}/run-again</c>.</summary>
/// <param name="Payload">Another payload; without one, the task's own.</param>
internal sealed record RunAgainRequest(JsonElement? Payload = null);
