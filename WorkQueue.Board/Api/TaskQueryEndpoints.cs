using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;

namespace WorkQueue.Board.Api;

/// <summary>The calls that look at tasks: answered from the history.</summary>
internal static class TaskQueryEndpoints
{
    private const int MaxListed = 500;

    public static void MapTaskQueries(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder tasks = app.MapGroup("").WithTags("Tasks").WithHistoryState();
        tasks.MapGet("/tasks", List)
            .Produces<Page<TaskItem>>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict)
            .WithName("WorkQueueListTasks")
            .WithSummary("Tasks, the newest first; state may be several, separated by commas.");
        tasks.MapGet("/tasks/{id}", GetAsync)
            .Produces<TaskAnswer>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueGetTask")
            .WithSummary("A task with its payload, result, attempts and history.");
    }

    /// <summary>Says by a header how complete the answer is.</summary>
    public static TBuilder WithHistoryState<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.AddEndpointFilter(async (context, next) =>
    {
        context.HttpContext.Response.Headers[TaskLookup.Header] = context.HttpContext.RequestServices.GetRequiredService<TaskLookup>().State;
        return await next(context);
    });

    private static Page<TaskItem> List(
        TaskProjection projection, TaskLookup lookup, string? state, string? type, string? queue, string? q, string? limit, string? cursor)
    {
        TaskQuery query = new()
        {
            States = QueryValues.States(state),
            Type = type,
            Queue = queue,
            Search = string.IsNullOrWhiteSpace(q) ? null : q.Trim(),
            Limit = QueryValues.Limit(limit, MaxListed, unless: 50),
            Before = QueryValues.Cursor(cursor),
        };
        lookup.RequireHistory();
        TaskPage page = projection.List(query);
        return new Page<TaskItem>([.. page.Items.Select(TaskItem.Of)], page.Next?.ToString());
    }

    private static async Task<TaskAnswer> GetAsync(string id, TaskReader reader, TaskLookup lookup, CancellationToken cancellationToken) =>
        await reader.ReadAsync(id, cancellationToken) is { } detail ? TaskAnswer.Of(detail) : throw lookup.Unknown(id);
}
