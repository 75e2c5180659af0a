using WorkQueue.Board.Calls;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The call <c>POST /tasks/batch</c>.</summary>
internal static class BatchEndpoints
{
    private const int MaxLines = 10_000;
    private const int MaxBytes = 32 * 1024 * 1024;
    private const int AtOnce = 500;

    public static void MapBatch(this IEndpointRouteBuilder app) =>
        app.MapPost("/tasks/batch", EnqueueAsync)
            .WithMetadata(new NeedsScope(ApiScope.Send))
            .WithTags("Tasks")
            .WithMetadata(new BodyLimit(MaxBytes))
            .Accepts<TaskRequest>(NdJson.ContentType)
            .Produces<BatchAnswer>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueEnqueueTasks")
            .WithSummary($"Enqueues many tasks, each line a JSON of POST /tasks; at most {MaxLines} lines and {MaxBytes / 1024 / 1024} MiB a call. A line that is refused does not stop the others.");

    private static async Task<IResult> EnqueueAsync(HttpRequest request, ITaskQueue queue, CancellationToken cancellationToken)
    {
        // All of it is read before anything is enqueued: too many lines change nothing.
        IReadOnlyList<BatchLine> lines = await NdJson.ReadAsync(request, MaxLines, cancellationToken);
        LineBatch batch = new(queue);
        foreach (BatchLine[] some in lines.Chunk(AtOnce))
        {
            await batch.EnqueueAsync(some, cancellationToken);
        }

        return Results.Accepted(null, batch.Answer());
    }
}

/// <summary>One line of a batch.</summary>
internal sealed record BatchLine(int Number, ReadOnlyMemory<byte> Json);

/// <summary>What became of a batch.</summary>
/// <param name="Accepted">So many tasks are enqueued.</param>
/// <param name="Ids">Their ids, in the order of the lines.</param>
/// <param name="Rejected">The lines that are not.</param>
internal sealed record BatchAnswer(int Accepted, IReadOnlyList<string> Ids, IReadOnlyList<RejectedLine> Rejected);

/// <summary>A line that was not enqueued.</summary>
/// <param name="Line">Its number, from 1.</param>
/// <param name="Error">Why.</param>
/// <param name="Id">Its task's id, where it may have been enqueued all the same: to look it up by.</param>
internal sealed record RejectedLine(int Line, string Error, string? Id = null)
{
    /// <summary>A task that was not enqueued; one that may have been has its id.</summary>
    public static RejectedLine Of(BatchLine line, Exception error) => new(line.Number, error.Message, error is TaskNotEnqueuedException { Outcome: PublishOutcome.Unknown } unknown ? unknown.TaskId : null);
}
