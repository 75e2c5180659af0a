using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>A task with what its history tells: made by <see cref="TaskReader"/>.</summary>
internal sealed record TaskDetail
{
    /// <summary>What the list shows; its error is whole here.</summary>
    public required TaskView Task { get; init; }

    /// <summary>After this moment it is not started.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>What it is for, if its lane is chosen by that.</summary>
    public string? Key { get; init; }

    /// <summary>How urgent it is.</summary>
    public TaskPriority Priority { get; init; }

    /// <summary>The trace of its enqueue.</summary>
    public string? TraceId { get; init; }

    /// <summary>The task this one runs again.</summary>
    public string? RunOf { get; init; }

    /// <summary>What the payload is.</summary>
    public string? ContentType { get; init; }

    /// <summary>The payload; null when it is not kept, see <see cref="PayloadNote"/>.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }

    /// <summary>Why there is no payload.</summary>
    public string? PayloadNote { get; init; }

    /// <summary>What the handler returned, JSON; null when it returned nothing or has not, and when it was not kept, see <see cref="ResultNote"/>.</summary>
    public ReadOnlyMemory<byte>? Result { get; init; }

    /// <summary>Why the result was not kept.</summary>
    public string? ResultNote { get; init; }

    /// <summary>Its attempts, the first one first; several with one number where a run was interrupted.</summary>
    public required IReadOnlyList<AttemptView> Attempts { get; init; }

    /// <summary>What happened, in order.</summary>
    public required IReadOnlyList<StepView> History { get; init; }

    /// <summary>The chain it is part of; null for a task of its own.</summary>
    public ChainView? Chain { get; init; }

    /// <summary>The batch it is a member of; null for none.</summary>
    public BatchMember? Batch { get; init; }
}

/// <summary>One run of a task.</summary>
/// <param name="Attempt">Which attempt, from 1; again from 1 after a redrive.</param>
/// <param name="Redriven">How often the task had been redriven.</param>
/// <param name="Worker">Who ran it.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="EndedAt">When it ended; null while it runs.</param>
/// <param name="Outcome">succeeded, retrying, deadLettered, cancelled or interrupted; null while it runs.</param>
/// <param name="ErrorType">The exception's type.</param>
/// <param name="Error">The error, or the reason.</param>
internal sealed record AttemptView(
    int Attempt, int Redriven, string? Worker, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Outcome, string? ErrorType, string? Error);

/// <summary>One thing that happened.</summary>
/// <param name="At">When; null when nobody said.</param>
/// <param name="State">The state it got into.</param>
/// <param name="Attempt">The attempt.</param>
/// <param name="Worker">The worker.</param>
/// <param name="Note">What else there is to say: the error, when it is due.</param>
internal sealed record StepView(DateTimeOffset? At, TaskState State, int Attempt, string? Worker, string? Note);
