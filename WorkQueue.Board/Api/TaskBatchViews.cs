using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>A batch.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name; null for none.</param>
/// <param name="State"><c>open</c>, <c>running</c>, <c>complete</c>, <c>succeeded</c> or <c>cancelled</c>.</param>
/// <param name="Total">Its tasks.</param>
/// <param name="Pending">Those that have not ended.</param>
/// <param name="Succeeded">Those that have succeeded.</param>
/// <param name="DeadLettered">Those that are dead letters; one that is redriven stays so until it succeeds.</param>
/// <param name="Cancelled">Those that were cancelled.</param>
/// <param name="OpenedAt">When it was opened.</param>
/// <param name="ClosedAt">When it was closed.</param>
/// <param name="CompletedAt">When every task had ended.</param>
/// <param name="SucceededAt">When every task had succeeded.</param>
/// <param name="CancelledAt">When it was cancelled.</param>
/// <param name="OnComplete">The id of the task that is enqueued when every task has ended; null where there is none.</param>
/// <param name="OnSuccess">The id of the task that is enqueued when every task has succeeded; null where there is none.</param>
/// <param name="Problem">What keeps it from going on; null where nothing does.</param>
internal sealed record TaskBatchView(
    string Id, string? Name, string State, int Total, int Pending, int Succeeded, int DeadLettered, int Cancelled, DateTimeOffset OpenedAt, DateTimeOffset? ClosedAt,
    DateTimeOffset? CompletedAt, DateTimeOffset? SucceededAt, DateTimeOffset? CancelledAt, string? OnComplete, string? OnSuccess, string? Problem)
{
    public static TaskBatchView Of(TaskBatch batch) => new(
        batch.Id, batch.Name, batch.State.ToString().ToLowerInvariant(), batch.Total, batch.Pending, batch.Succeeded, batch.DeadLettered, batch.Cancelled, batch.OpenedAt, batch.ClosedAt,
        batch.CompletedAt, batch.SucceededAt, batch.CancelledAt, batch.OnCompleteId, batch.OnSuccessId, batch.Problem);
}

/// <summary>A task of a batch.</summary>
/// <param name="Number">Its number there, from 0.</param>
/// <param name="Id">Its id.</param>
internal sealed record TaskBatchMember(int Number, string Id);
