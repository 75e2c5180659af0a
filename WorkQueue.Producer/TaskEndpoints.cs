using System.Net.Mime;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Producer;

/// <summary>The calls below <c>/tasks</c>.</summary>
internal static class TaskEndpoints
{
    public static void MapTasks(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder tasks = app.MapGroup("").WithTags("Tasks");
        tasks.MapPost("/tasks", EnqueueAsync)
            .Accepts<TaskRequest>(MediaTypeNames.Application.Json, MediaTypeNames.Text.Plain)
            .Produces<TaskAccepted>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status429TooManyRequests)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .ProducesProblem(StatusCodes.Status504GatewayTimeout)
            .WithName("EnqueueTask")
            .WithSummary("Enqueues a task; answers when the broker has confirmed it.");
        tasks.MapGet("/tasks/{id}", Get)
            .ProducesProblem(StatusCodes.Status501NotImplemented)
            .WithName("GetTask")
            .WithSummary("The state of a task. Not implemented in this version.");
    }

    private static async Task<IResult> EnqueueAsync(HttpRequest request, ITaskQueue queue, TimeProvider clock, CancellationToken cancellationToken)
    {
        NewTask task = await TaskRequestReader.ReadAsync(request, clock, cancellationToken);
        task = task with { Id = IdempotencyKey.TaskIdOf(request) };
        EnqueuedTask enqueued = await queue.EnqueueAsync(task, cancellationToken);
        return Results.Accepted(
            $"/tasks/{Uri.EscapeDataString(enqueued.Id)}", new TaskAccepted(enqueued.Id, JsonNamingPolicy.CamelCase.ConvertName(enqueued.State.ToString())));
    }

    private static IResult Get(string id) => Results.Problem(
        statusCode: StatusCodes.Status501NotImplemented,
        title: "Not implemented",
        detail: $"The state of task '{id}' cannot be looked up in this version: it keeps no history of tasks yet.");
}
