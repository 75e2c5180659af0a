using Microsoft.Extensions.Options;
using WorkQueue.Board.Api;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The list of tasks, and what is done with all that fit.</summary>
internal static class TaskListEndpoints
{
    private const int PageSize = 50;

    public static void MapTaskList(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardUrl.Tasks, Show);
        board.MapGet(BoardUrl.Bulk, Confirm);
        board.MapPost($"{BoardUrl.Bulk}/cancel", CancelAsync);
        board.MapPost($"{BoardUrl.Bulk}/redrive", RedriveAsync);
        board.MapPost("work/stop", StopAsync);
    }

    private static IResult Show(HttpContext context, TaskProjection projection, BoardWork work, IOptions<WorkQueueOptions> options, string? cursor)
    {
        TaskFilter filter = TaskFilter.Read(name => context.Request.Query[name]);
        TaskCursor? before = QueryValues.Cursor(cursor);
        TaskCounts counts = projection.Counts();
        return Screen.Show<TasksScreen, TasksModel>(context, new TasksModel(
            filter, projection.List(filter.ToQuery(before, PageSize)), before is not null, CountsOf(counts, filter.Queue),
            [.. options.Value.Types.Keys.Order(StringComparer.Ordinal)], [.. options.Value.Queues.Keys.Append(WorkQueueOptions.DefaultQueue).Union(counts.ByQueue.Keys).Order(StringComparer.Ordinal)],
            work.Current, BoardUrl.Api(context)));
    }

    // What is counted all the time; counting what a search finds would mean to search everything.
    private static IReadOnlyDictionary<TaskState, long> CountsOf(TaskCounts counts, string? queue) => queue is null ? counts.ByState
        : counts.ByQueue.TryGetValue(queue, out IReadOnlyDictionary<TaskState, long>? states) ? states
        : new Dictionary<TaskState, long>();

    private static IResult Confirm(HttpContext context, TaskProjection projection, string? verb)
    {
        TaskFilter filter = TaskFilter.Read(name => context.Request.Query[name]);
        bool isCancel = verb == "cancel";
        if (!isCancel && verb != "redrive")
        {
            throw new BadHttpRequestException($"verb is '{verb}'; it is cancel or redrive.");
        }

        int count = filter.Collect(projection, isCancel ? IsPending : IsDead).Count;
        string what = $"{Words.Of(count, "task")}{(filter.IsEmpty ? "" : $": {filter}")}";
        return Screen.Show<ConfirmScreen, ConfirmModel>(context, new ConfirmModel
        {
            Title = isCancel ? $"Cancel {what}" : $"Redrive {what}",
            Text = isCancel
                ? "Those that wait never run; those that run are told to stop. Tasks that have ended are not touched."
                : "Each goes back into its queue as attempt 1, under its own id. Tasks that are not dead-lettered are not touched.",
            Count = count,
            IsCapped = count == TaskFilter.MostAtOnce,
            Action = $"{BoardUrl.Bulk}/{verb}",
            Verb = isCancel ? "Cancel them" : "Redrive them",
            IsDangerous = isCancel,
            HasRate = !isCancel,
            Values = filter.Values,
            Back = filter.Url(),
        });
    }

    private static async Task<IResult> CancelAsync(HttpContext context, TaskProjection projection, TaskActions actions, BoardWork work, CancellationToken cancellationToken)
    {
        IFormCollection form = await context.Request.ReadFormAsync(cancellationToken);
        TaskFilter filter = TaskFilter.Read(name => form[name]);
        IReadOnlyList<TaskView> tasks = filter.Collect(projection, IsPending);
        Flash done = await work.RunAsync(
            $"Cancel {Words.Of(tasks.Count, "task")}",
            async stopping => $"{Words.Of(await actions.CancelAsync(tasks, stopping), "task")} cancelled.");
        return done.Then(context, filter.Url());
    }

    private static async Task<IResult> RedriveAsync(HttpContext context, TaskProjection projection, IDeadLetters letters, BoardWork work, CancellationToken cancellationToken)
    {
        IFormCollection form = await context.Request.ReadFormAsync(cancellationToken);
        TaskFilter filter = TaskFilter.Read(name => form[name]);
        IReadOnlyList<TaskView> tasks = filter.Collect(projection, IsDead);
        DeadLetterFilter which = new()
        {
            Ids = tasks.Select(task => task.Id).ToHashSet(StringComparer.Ordinal),
            Queue = filter.Queue,
            Limit = Math.Max(1, tasks.Count),
            PerSecond = LetterFilter.PerSecondOf(form["perSecond"]),
        };
        Flash done = tasks.Count == 0
            ? new Flash(IsError: false, "No dead-lettered task fits; nothing was changed.")
            : await work.RunAsync(
                $"Redrive {Words.Of(tasks.Count, "task")}", async stopping => $"{Words.Of(await letters.RedriveAsync(which, stopping), "task")} redriven.");
        return done.Then(context, filter.Url());
    }

    private static async Task<IResult> StopAsync(HttpContext context, BoardWork work, CancellationToken cancellationToken)
    {
        IFormCollection form = await context.Request.ReadFormAsync(cancellationToken);
        bool stopped = work.Stop(form["id"]);
        string back = form["back"] == BoardUrl.Letters ? BoardUrl.Letters : BoardUrl.Tasks;
        return new Flash(!stopped, stopped ? "It stops after the task it is at." : "It had already ended.").Then(context, back);
    }

    private static bool IsPending(TaskView task) => task is { HasEnded: false, State: not TaskState.Unknown };

    private static bool IsDead(TaskView task) => task.State == TaskState.DeadLettered;
}
