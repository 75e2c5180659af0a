using WorkQueue.Board.Calls;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The calls below <c>/batches</c>.</summary>
internal static class TaskBatchEndpoints
{
    private const int MaxLines = 100_000;
    private const int MaxBytes = 64 * 1024 * 1024;
    private const int MostMembers = 1000;

    public static void MapTaskBatches(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder batches = app.MapGroup("").WithTags("Batches");
        TakesLines(batches.MapPost("/batches", EnqueueAsync))
            .WithMetadata(new NeedsScope(ApiScope.Send))
            .Produces<TaskBatchView>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status429TooManyRequests).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueEnqueueBatch")
            .WithSummary($"Enqueues a batch of tasks, each line a JSON of POST /tasks; the first may be {{\"batch\":{{\"name\",\"onSuccess\",\"onComplete\",\"open\"}}}}. At most {MaxLines} lines and {MaxBytes / 1024 / 1024} MiB. A line that cannot be: nothing is enqueued.");
        TakesLines(batches.MapPost("/batches/{id}/tasks", AddAsync))
            .WithMetadata(new NeedsScope(ApiScope.Send))
            .Produces<BatchAnswer>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status429TooManyRequests).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueAddToBatch")
            .WithSummary("Adds tasks to a batch, each line one; by the same key (?key=) the same are added once.");
        MapOfOne(batches);
    }

    private static void MapOfOne(RouteGroupBuilder batches)
    {
        batches.MapPost("/batches/{id}/close", async (string id, ITaskBatches all, CancellationToken cancellationToken) => TaskBatchView.Of(await all.CloseAsync(id, cancellationToken)))
            .WithMetadata(new NeedsScope(ApiScope.Send))
            .Produces<TaskBatchView>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueCloseBatch")
            .WithSummary("Closes a batch: it ends when all of its tasks have.");
        batches.MapGet("/batches", ListAsync)
            .Produces<Page<TaskBatchView>>()
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueListBatches")
            .WithSummary("The batches, the newest first: how many tasks of each have ended, and how.");
        batches.MapGet("/batches/{id}", FindAsync)
            .Produces<TaskBatchView>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueGetBatch")
            .WithSummary("One batch.");
        batches.MapGet("/batches/{id}/members", MembersAsync)
            .Produces<Page<TaskBatchMember>>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueListBatchMembers")
            .WithSummary($"The first {MostMembers} tasks of a batch in a state: pending, succeeded, deadLettered or cancelled. Of a batch in which nothing can change any more it is not known which they are.");
        batches.MapDelete("/batches/{id}", async (string id, ITaskBatches all, CancellationToken cancellationToken) => TaskBatchView.Of(await all.CancelAsync(id, cancellationToken)))
            .Produces<TaskBatchView>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueCancelBatch")
            .WithSummary("Cancels a batch: tasks that wait never run, those that run are told to stop, and nothing follows.");
    }

    private static RouteHandlerBuilder TakesLines(RouteHandlerBuilder call) => call
        .WithMetadata(new BodyLimit(MaxBytes))
        .Accepts<TaskRequest>(NdJson.ContentType)
        .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status413PayloadTooLarge)
        .ProducesProblem(StatusCodes.Status415UnsupportedMediaType).ProducesProblem(StatusCodes.Status422UnprocessableEntity);

    private static async Task<IResult> EnqueueAsync(HttpRequest request, ITaskBatches batches, CancellationToken cancellationToken)
    {
        // One more for what tells of the batch.
        IReadOnlyList<BatchLine> lines = await NdJson.ReadAsync(request, MaxLines + 1, cancellationToken);
        BatchOptions options = new();
        if (TaskBatchReader.IsHead(lines[0]))
        {
            options = TaskBatchReader.ReadHead(lines[0]);
            lines = [.. lines.Skip(1)];
        }
        else if (lines.Count > MaxLines)
        {
            throw new BadHttpRequestException($"The body has more than {MaxLines} tasks; a batch has no more. Nothing was enqueued.", StatusCodes.Status413PayloadTooLarge);
        }

        TaskBatch batch = await TaskBatchReader.NamedAsync(lines, batches.EnqueueAsync(TaskBatchReader.Read(lines), options, cancellationToken));
        request.HttpContext.Response.Headers.Location = $"{MountPoint.Of(request.HttpContext)}batches/{batch.Id}";
        return Results.Accepted(value: TaskBatchView.Of(batch));
    }

    private static async Task<IResult> AddAsync(HttpRequest request, string id, string? key, ITaskBatches batches, CancellationToken cancellationToken)
    {
        IReadOnlyList<BatchLine> lines = await NdJson.ReadAsync(request, MaxLines, cancellationToken);
        IReadOnlyList<EnqueueResult> results = await TaskBatchReader.NamedAsync(lines, batches.AddAsync(id, TaskBatchReader.Read(lines), key, cancellationToken));
        if (results.All(result => result.Error is TaskNotEnqueuedException { Outcome: not PublishOutcome.Unknown }))
        {
            throw results[0].Error!;
        }

        RejectedLine[] rejected = [.. lines.Zip(results).Where(pair => pair.Second.Error is not null).Select(pair => RejectedLine.Of(pair.First, pair.Second.Error!))];
        string[] ids = [.. results.Select(result => result.Task?.Id).OfType<string>()];
        return Results.Accepted(value: new BatchAnswer(ids.Length, ids, rejected));
    }

    private static async Task<Page<TaskBatchView>> ListAsync(ITaskBatches batches, CancellationToken cancellationToken) =>
        new([.. (await batches.ListAsync(cancellationToken)).Select(TaskBatchView.Of)], null);

    private static async Task<TaskBatchView> FindAsync(string id, ITaskBatches batches, CancellationToken cancellationToken) =>
        TaskBatchView.Of(await batches.FindAsync(id, cancellationToken) ?? throw Unknown(id));

    private static async Task<Page<TaskBatchMember>> MembersAsync(string id, string? state, ITaskBatches batches, CancellationToken cancellationToken)
    {
        TaskState asked = state switch
        {
            "pending" or null => TaskState.Queued,
            "succeeded" => TaskState.Succeeded,
            "deadLettered" => TaskState.DeadLettered,
            "cancelled" => TaskState.Cancelled,
            _ => throw new BadHttpRequestException($"state is '{state}'; it is pending, succeeded, deadLettered or cancelled."),
        };
        _ = await batches.FindAsync(id, cancellationToken) ?? throw Unknown(id);
        return new Page<TaskBatchMember>([.. (await batches.MembersAsync(id, asked, MostMembers, cancellationToken)).Select(member => new TaskBatchMember(member.Number, member.TaskId))], null);
    }

    private static BadHttpRequestException Unknown(string id) => new($"There is no batch '{id}', or none any more.", StatusCodes.Status404NotFound);
}
