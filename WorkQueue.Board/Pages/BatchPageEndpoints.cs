using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The batches.</summary>
internal static class BatchPageEndpoints
{
    public static void MapBatchList(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardUrl.Batches, ShowAsync);
        board.MapPost($"{BoardUrl.Batches}/cancel", (HttpContext context, ITaskBatches batches) => SetAsync(context, batches.CancelAsync, "is cancelled: its tasks that have not ended are dropped"));
        board.MapPost($"{BoardUrl.Batches}/close", (HttpContext context, ITaskBatches batches) => SetAsync(context, batches.CloseAsync, "is closed: it ends when all of its tasks have"));
    }

    private static async Task<IResult> ShowAsync(HttpContext context, ITaskBatches batches, CancellationToken cancellationToken)
    {
        try
        {
            List<BatchRow> rows = [];
            foreach (TaskBatch batch in await batches.ListAsync(cancellationToken))
            {
                rows.Add(new BatchRow(batch, batch.DeadLettered == 0 ? [] : await batches.MembersAsync(batch.Id, TaskState.DeadLettered, BatchesModel.MostDead, cancellationToken)));
            }

            return Screen.Show<BatchesScreen, BatchesModel>(context, new BatchesModel(rows, null));
        }
        catch (BrokerUnavailableException away)
        {
            return Screen.Show<BatchesScreen, BatchesModel>(context, new BatchesModel([], away.Message));
        }
    }

    private static async Task<IResult> SetAsync(HttpContext context, Func<string, CancellationToken, Task<TaskBatch>> set, string done)
    {
        string id = (await context.Request.ReadFormAsync(context.RequestAborted))["batch"].ToString();
        try
        {
            await set(id, context.RequestAborted);
            return new Flash(IsError: false, $"Batch {id} {done}.").Then(context, BoardUrl.Batches);
        }
        catch (Exception failure) when (ErrorAnswers.IsExpected(failure))
        {
            return new Flash(IsError: true, failure.Message).Then(context, BoardUrl.Batches);
        }
    }
}
