using System.Globalization;

namespace WorkQueue.Messaging;

/// <summary>A batch as it is at the moment.</summary>
public sealed record TaskBatch
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Its name; null for none.</summary>
    public string? Name { get; init; }

    /// <summary>How far it is.</summary>
    public required BatchState State { get; init; }

    /// <summary>Its members.</summary>
    public required int Total { get; init; }

    /// <summary>Members that have not ended.</summary>
    public required int Pending { get; init; }

    /// <summary>Members that have succeeded.</summary>
    public required int Succeeded { get; init; }

    /// <summary>Members that are dead letters; one that is redriven stays so until it succeeds.</summary>
    public required int DeadLettered { get; init; }

    /// <summary>Members that were cancelled.</summary>
    public required int Cancelled { get; init; }

    /// <summary>When it was opened.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>When it was closed; null for one that is open.</summary>
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>When every member had ended.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>When every member had succeeded.</summary>
    public DateTimeOffset? SucceededAt { get; init; }

    /// <summary>When it was cancelled.</summary>
    public DateTimeOffset? CancelledAt { get; init; }

    /// <summary>The id of the task that is enqueued when every member has ended; null where there is none.</summary>
    public string? OnCompleteId { get; init; }

    /// <summary>The id of the task that is enqueued when every member has succeeded; null where there is none.</summary>
    public string? OnSuccessId { get; init; }

    /// <summary>What keeps it from going on: a callback that cannot be enqueued, or tasks that were to be added and never were; null where nothing does.</summary>
    public string? Problem { get; init; }

    /// <summary>The id of the task that is a member: the same whoever asks.</summary>
    /// <param name="batch">The batch's id.</param>
    /// <param name="number">The member's number, from 0.</param>
    public static string IdOf(string batch, int number) => Of(batch, number.ToString(CultureInfo.InvariantCulture));

    internal static string Of(string batch, string part) => TaskIds.Of(TaskIds.CreatedAt(batch), $"{batch}/{part}");
}

/// <summary>How far a batch is.</summary>
public enum BatchState
{
    /// <summary>Tasks may be added; it does not end before it is closed.</summary>
    Open,

    /// <summary>It is closed, and not every member has ended.</summary>
    Running,

    /// <summary>Every member has ended, not all with success. Where some are dead letters that are redriven, it may yet succeed.</summary>
    Complete,

    /// <summary>Every member has succeeded.</summary>
    Succeeded,

    /// <summary>It was cancelled; members that run may not have ended.</summary>
    Cancelled,
}

/// <summary>Which member of which batch a task is.</summary>
/// <param name="BatchId">The batch.</param>
/// <param name="Number">Its number there, from 0.</param>
public sealed record BatchMember(string BatchId, int Number)
{
    /// <summary>The task's id.</summary>
    public string TaskId => TaskBatch.IdOf(BatchId, Number);
}
