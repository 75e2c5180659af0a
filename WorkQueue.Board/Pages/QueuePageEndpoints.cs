using WorkQueue.Board.Api;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The queues and the workers.</summary>
internal static class QueuePageEndpoints
{
    public static void MapQueueList(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardUrl.Queues, ShowAsync);
        board.MapPost($"{BoardUrl.Queues}/pause", (HttpContext context, ITaskControl control) => SetAsync(context, control.PauseAsync, "is paused: workers take nothing more from it"));
        board.MapPost($"{BoardUrl.Queues}/resume", (HttpContext context, ITaskControl control) => SetAsync(context, control.ResumeAsync, "goes on"));
    }

    public static void MapWorkerList(this IEndpointRouteBuilder board) =>
        board.MapGet(BoardUrl.Workers, (HttpContext context, IWorkerDirectory workers) =>
            Screen.Show<WorkersScreen, WorkersModel>(context, new WorkersModel([.. workers.Current.OrderBy(worker => worker.Id, StringComparer.Ordinal)])));

    private static async Task<IResult> ShowAsync(HttpContext context, QueueViews views, QueueSamples samples, IQueueCounts counts, CancellationToken cancellationToken)
    {
        IReadOnlyList<QueueView> queues = await views.ReadAsync(cancellationToken);
        return Screen.Show<QueuesScreen, QueuesModel>(
            context, new QueuesModel([.. queues.Select(queue => (queue, samples.Of(queue.Name)))], views.SharedWarnings, counts.Unreadable ?? 0));
    }

    private static async Task<IResult> SetAsync(HttpContext context, Func<string, CancellationToken, Task> set, string done)
    {
        string queue = (await context.Request.ReadFormAsync(context.RequestAborted))["queue"].ToString();
        try
        {
            await set(queue, context.RequestAborted);
            return new Flash(IsError: false, $"Queue {queue} {done}.").Then(context, BoardUrl.Queues);
        }
        catch (Exception failure) when (ErrorAnswers.IsExpected(failure))
        {
            return new Flash(IsError: true, failure.Message).Then(context, BoardUrl.Queues);
        }
    }
}
