namespace WorkQueue.Messaging;

/// <summary>
/// What happened to every task, in order: the stream <c>wq.history</c>. Registered by <c>AddTaskQueue()</c>. Without history
/// (<see cref="WorkQueueOptions.History"/> = off) it is empty.
/// </summary>
public interface ITaskHistory
{
    /// <summary>The reason in the history of a task that no queue took: it is cancelled there, and may be enqueued again under its id.</summary>
    const string NotEnqueued = "not enqueued: no queue took it";

    /// <summary>Reads from an offset on and then follows what happens, over lost connections too, until it is cancelled.</summary>
    /// <param name="from">The first offset; null for the oldest that is kept.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>
    /// Records in groups, as they come: a group is what was there, an empty group says that for the moment there is nothing more. Offsets that begin
    /// again, below those before, are those of a history that somebody deleted and that was made anew.
    /// </returns>
    IAsyncEnumerable<IReadOnlyList<HistoryRecord>> FollowAsync(long? from, CancellationToken cancellationToken);

    /// <summary>The offset of the newest record, or of what else is newest there; null when nothing is.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="BrokerUnavailableException">The broker is away.</exception>
    Task<long?> FindEndAsync(CancellationToken cancellationToken);

    /// <summary>Reads the records at some offsets again, with their payloads.</summary>
    /// <param name="offsets">The offsets, ascending.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>Those that are still kept.</returns>
    /// <exception cref="BrokerUnavailableException">The broker is away.</exception>
    Task<IReadOnlyList<HistoryRecord>> ReadAsync(IReadOnlyCollection<long> offsets, CancellationToken cancellationToken);
}

/// <summary>What a record says.</summary>
public enum HistoryKind
{
    /// <summary>The task is in a new state.</summary>
    State,

    /// <summary>The task runs and told how far it is.</summary>
    Progress,

    /// <summary>A worker got a cancelled task and dropped it: it is no longer on the broker.</summary>
    Dropped,
}

/// <summary>One thing that happened to a task.</summary>
public sealed record HistoryRecord
{
    /// <summary>Where it is in the history; ascending, with gaps.</summary>
    public required long Offset { get; init; }

    /// <summary>What it says.</summary>
    public HistoryKind Kind { get; init; }

    /// <summary>The task's id.</summary>
    public required string TaskId { get; init; }

    /// <summary>The task's type.</summary>
    public required string Type { get; init; }

    /// <summary>The task's queue.</summary>
    public required string Queue { get; init; }

    /// <summary>The state it got into. <see cref="TaskState.Retrying"/>: it waits for <see cref="Attempt"/>, the one before having failed.</summary>
    public required TaskState State { get; init; }

    /// <summary>Which attempt this concerns, from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>How often the task had been redriven.</summary>
    public int Redriven { get; init; }

    /// <summary>How often this attempt had gone back to its queue because its worker stopped.</summary>
    public int Returned { get; init; }

    /// <summary>When, by the clock of who recorded it, to the millisecond; for messages of plain clients to the second, or unknown.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>When it died: set on a dead letter, unless the broker made it one.</summary>
    public DateTimeOffset? DeadAt { get; init; }

    /// <summary>When the task was first enqueued.</summary>
    public DateTimeOffset? EnqueuedAt { get; init; }

    /// <summary>Before this moment it does not run: set on scheduled and retrying.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>After this moment it is not started.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>What it is for (<see cref="NewTask.Key"/>).</summary>
    public string? Key { get; init; }

    /// <summary>How urgent it is.</summary>
    public TaskPriority Priority { get; init; }

    /// <summary>The worker that runs it, or ran the attempt that ended here.</summary>
    public string? Worker { get; init; }

    /// <summary>When the attempt that runs, or ended here, began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Why: of a retry, a dead letter, a return, a cancellation.</summary>
    public string? Reason { get; init; }

    /// <summary>The exception's type.</summary>
    public string? ErrorType { get; init; }

    /// <summary>The error's text, cut.</summary>
    public string? Error { get; init; }

    /// <summary>How far it is, 0 to 100.</summary>
    public int? Percent { get; init; }

    /// <summary>What it does at the moment.</summary>
    public string? Progress { get; init; }

    /// <summary>The task this one runs again.</summary>
    public string? RunOf { get; init; }

    /// <summary>Its place in its chain; null for a task of its own. The results of those before it are told where a message moved.</summary>
    public TaskChain? Chain { get; init; }

    /// <summary>The tasks that its chain goes on with: told where a message moved; without their payloads where the history keeps none.</summary>
    public IReadOnlyList<NewTask> Then { get; init; } = [];

    /// <summary>The batch it is a member of, and its number there; null for a task that is none.</summary>
    public BatchMember? Batch { get; init; }

    /// <summary>The W3C trace context of the enqueue.</summary>
    public string? TraceParent { get; init; }

    /// <summary>What its sender added for itself: set on a dead letter, else empty.</summary>
    public IReadOnlyDictionary<string, object?> Headers { get; init; } = System.Collections.ObjectModel.ReadOnlyDictionary<string, object?>.Empty;

    /// <summary>What <see cref="Body"/> is.</summary>
    public string? ContentType { get; init; }

    /// <summary>The payload where a message moved (queued, scheduled, retrying, deadLettered); the result of a success; else empty.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }
}
