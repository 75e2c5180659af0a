using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>Which tasks, and how many: those that fit everything that is given.</summary>
internal sealed record TaskQuery
{
    /// <summary>In one of these states; null for any.</summary>
    public IReadOnlySet<TaskState>? States { get; init; }

    /// <summary>Of this task type; null for any.</summary>
    public string? Type { get; init; }

    /// <summary>Of this queue; null for any.</summary>
    public string? Queue { get; init; }

    /// <summary>
    /// Whose id begins so, whose payload has these words (with a star at its end a word stands for all that begin so), or whose type, queue, worker, reason or error contains this, ignoring case; null for any. A part of an
    /// error has three characters or more; of a payload the first 4,096 bytes are known.
    /// </summary>
    public string? Search { get; init; }

    /// <summary>Only tasks that appeared before the last one of the page with this cursor; null for the newest.</summary>
    public TaskCursor? Before { get; init; }

    /// <summary>At most so many. Default 50.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>Whether a task that is known by its id fits the rest.</summary>
    public bool Fits(TaskView task) => States?.Contains(task.State) != false && (Type is null || Type == task.Type) && (Queue is null || Queue == task.Queue);
}

/// <summary>A page of tasks, the newest first.</summary>
/// <param name="Items">The tasks.</param>
/// <param name="Next">Where the next page begins; null after the last.</param>
internal sealed record TaskPage(IReadOnlyList<TaskView> Items, TaskCursor? Next);

/// <summary>What is known of a task without reading its history again.</summary>
internal sealed record TaskView
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Its type.</summary>
    public required string Type { get; init; }

    /// <summary>Its queue.</summary>
    public required string Queue { get; init; }

    /// <summary>Its state now: a scheduled or retrying task whose time has come is queued.</summary>
    public required TaskState State { get; init; }

    /// <summary>The attempt it waits for, runs or ended with, from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>How often it was redriven.</summary>
    public required int Redriven { get; init; }

    /// <summary>How often it succeeded again after its first success.</summary>
    public required int Duplicates { get; init; }

    /// <summary>When it was enqueued; null when nobody said.</summary>
    public required DateTimeOffset? EnqueuedAt { get; init; }

    /// <summary>Since when it is in its state; null when nobody said.</summary>
    public required DateTimeOffset? ChangedAt { get; init; }

    /// <summary>When the time of a scheduled or retrying task comes.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>When the attempt that runs, or was the last, began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The worker that runs it, or ran its last attempt.</summary>
    public string? Worker { get; init; }

    /// <summary>Why it is retrying, dead or cancelled.</summary>
    public string? Reason { get; init; }

    /// <summary>The type of the last exception.</summary>
    public string? ErrorType { get; init; }

    /// <summary>The beginning of the last error's text.</summary>
    public string? Error { get; init; }

    /// <summary>How far a running task is, 0 to 100.</summary>
    public int? Percent { get; init; }

    /// <summary>What a running task does.</summary>
    public string? Progress { get; init; }

    /// <summary>A cancelled task whose message no worker has dropped yet.</summary>
    public bool OnBroker { get; init; }

    /// <summary>Succeeded, dead-lettered or cancelled.</summary>
    public bool HasEnded => State is TaskState.Succeeded or TaskState.DeadLettered or TaskState.Cancelled;
}
