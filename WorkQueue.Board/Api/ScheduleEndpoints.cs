using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The calls below <c>/schedules</c>.</summary>
internal static class ScheduleEndpoints
{
    public static void MapSchedules(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder schedules = app.MapGroup("").WithTags("Schedules");
        schedules.MapGet("/schedules", ListAsync)
            .Produces<Page<ScheduleView>>()
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueListSchedules")
            .WithSummary("The schedules, when each is due next, and what it has done last.");
        schedules.MapGet("/schedules/{name}", FindAsync)
            .Produces<ScheduleView>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueGetSchedule")
            .WithSummary("One schedule.");
        schedules.MapPut("/schedules/{name}", DefineAsync)
            .Accepts<ScheduleRequest>("application/json")
            .Produces<ScheduleView>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueuePutSchedule")
            .WithSummary("Makes a schedule, or changes it: a task that is enqueued again and again.");
        schedules.MapDelete("/schedules/{name}", RemoveAsync)
            .Produces<ScheduleRemoved>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueDeleteSchedule")
            .WithSummary("Removes a schedule; the tasks that it has enqueued stay.");
        schedules.MapPost("/schedules/{name}/run", RunAsync)
            .Produces<TaskAccepted>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status429TooManyRequests).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueRunSchedule")
            .WithSummary("Enqueues a task of a schedule now.");
        schedules.MapPost("/schedules/{name}/pause", PauseAsync)
            .Produces<ScheduleView>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueuePauseSchedule")
            .WithSummary("Has a schedule enqueue nothing until it is resumed.");
        schedules.MapPost("/schedules/{name}/resume", ResumeAsync)
            .Produces<ScheduleView>()
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueResumeSchedule")
            .WithSummary("Has a schedule go on, from the present.");
    }

    private static async Task<Page<ScheduleView>> ListAsync(ScheduleViews views, CancellationToken cancellationToken) => new(await views.ListAsync(cancellationToken), null);

    private static Task<ScheduleView> FindAsync(string name, ScheduleViews views, CancellationToken cancellationToken) => views.FindAsync(name, cancellationToken);

    private static async Task<ScheduleView> DefineAsync(string name, HttpRequest request, ISchedules schedules, ScheduleViews views, CancellationToken cancellationToken)
    {
        ScheduleRequest asked = await TaskRequestReader.ReadStrictAsync<ScheduleRequest>(request, cancellationToken);
        return views.Of(await schedules.DefineAsync(name, asked.ToOptions(), cancellationToken));
    }

    private static async Task<ScheduleRemoved> RemoveAsync(string name, ISchedules schedules, CancellationToken cancellationToken) =>
        await schedules.RemoveAsync(name, cancellationToken) ? new ScheduleRemoved(name) : throw ScheduleViews.Unknown(name);

    private static async Task<IResult> RunAsync(HttpContext context, string name, ISchedules schedules, CancellationToken cancellationToken) =>
        TaskAccepted.Of(context, await schedules.RunAsync(name, cancellationToken) ?? throw ScheduleViews.Unknown(name), TaskState.Queued);

    private static Task<ScheduleView> PauseAsync(string name, ISchedules schedules, ScheduleViews views, CancellationToken cancellationToken) =>
        SetAsync(name, schedules.PauseAsync, views, cancellationToken);

    private static Task<ScheduleView> ResumeAsync(string name, ISchedules schedules, ScheduleViews views, CancellationToken cancellationToken) =>
        SetAsync(name, schedules.ResumeAsync, views, cancellationToken);

    private static async Task<ScheduleView> SetAsync(string name, Func<string, CancellationToken, Task<bool>> set, ScheduleViews views, CancellationToken cancellationToken) =>
        await set(name, cancellationToken) ? await views.FindAsync(name, cancellationToken) : throw ScheduleViews.Unknown(name);
}

/// <summary>A schedule that is gone.</summary>
/// <param name="Name">Its name.</param>
internal sealed record ScheduleRemoved(string Name);
