using System.Net.Mime;
using WorkQueue.Board.Calls;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The call <c>POST /tasks</c>.</summary>
internal static class TaskEndpoints
{
    public static void MapTasks(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder tasks = app.MapGroup("").WithTags("Tasks");
        tasks.MapPost("/tasks", EnqueueAsync)
            .WithMetadata(new NeedsScope(ApiScope.Send))
            .Accepts<TaskRequest>(MediaTypeNames.Application.Json, MediaTypeNames.Text.Plain)
            .Produces<TaskAccepted>(StatusCodes.Status202Accepted)
            .Produces<TaskEnded>()
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status429TooManyRequests)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .ProducesProblem(StatusCodes.Status504GatewayTimeout)
            .WithName("WorkQueueEnqueueTask")
            .WithSummary("Enqueues a task; answers when the broker has confirmed it, or with wait=10s when the task has ended, if that is sooner.");
    }

    private static async Task<IResult> EnqueueAsync(
        HttpRequest request, ITaskQueue queue, TaskEnding ending, KeyedTasks keyed, TimeProvider clock, string? wait, CancellationToken cancellationToken)
    {
        TimeSpan? limit = QueryValues.Wait(wait);
        if (limit is not null)
        {
            ending.RequireAll();
        }

        NewTask task = await TaskRequestReader.ReadAsync(request, cancellationToken);
        string? keyedId = IdempotencyKey.TaskIdOf(request);
        if (task.Unique is not null && (keyedId is not null || limit is not null))
        {
            throw new BadHttpRequestException($"A task with unique goes without {(limit is null ? $"the header {IdempotencyKey.Header}" : "wait")}: the task of its key may be another's.");
        }

        task = task with { Id = keyedId ?? (limit is null ? null : Guid.CreateVersion7(clock.GetUtcNow()).ToString()) };
        TaskEnded? ended = null;
        EnqueuedTask enqueued;
        if (limit is { } atMost)
        {
            (enqueued, ended) = await ending.EnqueueAsync(queue, task, keyedId is not null, atMost, cancellationToken);
        }
        else
        {
            enqueued = keyedId is null ? await queue.EnqueueAsync(task, cancellationToken) : await keyed.EnqueueAsync(task, cancellationToken);
        }

        return ended is not null
            ? Results.Ok(ended)
            : TaskAccepted.Of(request.HttpContext, enqueued.Id, (enqueued.Existing && task.Unique is { Then: UniqueRule.Skip } ? ending.StateOf(enqueued.Id) : null) ?? enqueued.State, enqueued.Existing);
    }
}
