using System.Text.Json;
using System.Text.Json.Serialization;

namespace WorkQueue.Cli.Api;

/// <summary>A part of a list.</summary>
/// <param name="Items">The rows.</param>
/// <param name="Next">The cursor of the next part; null at the end.</param>
internal sealed record Page<T>([property: JsonRequired] IReadOnlyList<T> Items, string? Next);

/// <summary>A task to send as JSON.</summary>
internal sealed record NewTask(
    string Type, JsonElement Payload, string? Queue = null, TimeSpan? Delay = null, DateTimeOffset? NotBefore = null, DateTimeOffset? Deadline = null,
    UniqueKey? Unique = null, string? Key = null, string? Priority = null);

/// <summary>At most one task of a key at a time.</summary>
internal sealed record UniqueKey(string? Key, string? For, string? Then);

/// <summary>A task the broker has, or one that was told to stop.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State">Its state.</param>
/// <param name="Existing">It was there before, and holds the key.</param>
internal sealed record TaskAccepted([property: JsonRequired] string Id, [property: JsonRequired] string State, bool? Existing = null);

/// <summary>What became of a batch; the ids are those of the accepted lines, in their order.</summary>
internal sealed record BatchAnswer([property: JsonRequired] int Accepted, IReadOnlyList<string>? Ids, IReadOnlyList<RejectedLine>? Rejected);

/// <summary>A line that is no task; lines count from 1.</summary>
internal sealed record RejectedLine([property: JsonRequired] int Line, string? Error);

/// <summary>A task in a list.</summary>
internal sealed record TaskRow(
    [property: JsonRequired] string Id, [property: JsonRequired] string State, string? Type, string? Queue, int? Attempt, int? Redriven,
    DateTimeOffset? EnqueuedAt, DateTimeOffset? ChangedAt, DateTimeOffset? DueAt, string? Worker, string? Error, double? Percent);

/// <summary>All that is known of a task.</summary>
internal sealed record TaskDetail
{
    public required string Id { get; init; }
    public required string State { get; init; }
    public string? Type { get; init; }
    public string? Queue { get; init; }
    public int? Attempt { get; init; }
    public int? Redriven { get; init; }
    public int? Duplicates { get; init; }
    public DateTimeOffset? EnqueuedAt { get; init; }
    public DateTimeOffset? ChangedAt { get; init; }
    public DateTimeOffset? DueAt { get; init; }
    public DateTimeOffset? Deadline { get; init; }
    public string? Worker { get; init; }
    public string? Reason { get; init; }
    public string? ErrorType { get; init; }
    public string? Error { get; init; }
    public double? Percent { get; init; }
    public string? Progress { get; init; }
    public string? TraceId { get; init; }
    public string? RunOf { get; init; }
    public string? ContentType { get; init; }
    public JsonElement? Payload { get; init; }
    public string? Text { get; init; }
    public JsonElement? Result { get; init; }
    public ChainPlace? Chain { get; init; }
    public BatchMemberRow? Batch { get; init; }
    public IReadOnlyList<AttemptRow>? Attempts { get; init; }
    public IReadOnlyList<TransitionRow>? History { get; init; }
}

/// <summary>A task's place in its chain, from 0.</summary>
internal sealed record ChainPlace(string? First, int? Place, IReadOnlyList<JsonElement>? Steps);

/// <summary>One run of the handler.</summary>
internal sealed record AttemptRow(
    int? Attempt, string? Worker, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Outcome, string? ErrorType, string? Error);

/// <summary>One step in a task's life.</summary>
internal sealed record TransitionRow(DateTimeOffset? At, string? State, int? Attempt, string? Worker, string? Note);

/// <summary>A queue; what is null is not known, and the note says why.</summary>
internal sealed record QueueRow(
    [property: JsonRequired] string Name, string? BrokerName, bool? Paused, long? Ready, long? Unacknowledged, long? Delayed, long? Dead, int? Consumers,
    double? PublishRate, double? AckRate, string? Note, IReadOnlyList<string>? Warnings = null)
{
    /// <summary>How many of its tasks may run at once, over all workers.</summary>
    public int? MaxRunning { get; init; }

    /// <summary>How many of its tasks may start in a time, over all workers.</summary>
    public string? Rate { get; init; }

    /// <summary>How many of the permits to run at once workers hold.</summary>
    public int? Permits { get; init; }

    /// <summary>How long the task has waited that has been queued the longest.</summary>
    public TimeSpan? OldestWaiting { get; init; }

    /// <summary>The queues on the broker that its tasks are in, where it has more than one.</summary>
    public IReadOnlyList<LaneRow>? Lanes { get; init; }
}

/// <summary>A limit.</summary>
/// <param name="Queue">Of which queue.</param>
/// <param name="Lane">Of which of its lanes; <c>all</c> for the queue's own.</param>
/// <param name="MaxRunning">How many tasks may run at once; null where it limits how many start.</param>
/// <param name="Rate">How many may start in a time; null where it limits how many run.</param>
/// <param name="Permits">How many of those to run are taken.</param>
/// <param name="Ready">Tasks that wait.</param>
/// <param name="OldestWaiting">How long the one has waited that has been queued the longest; null where nobody knows.</param>
internal sealed record LimitRow(string Queue, string Lane, int? MaxRunning, string? Rate, int? Permits, long? Ready, string? OldestWaiting);

/// <summary>One lane of a queue.</summary>
internal sealed record LaneRow(string? Name, string? BrokerName, long? Ready, int? Consumers, int? MaxRunning, int? Permits)
{
    /// <summary>How many of its tasks may start in a time, over all workers.</summary>
    public string? Rate { get; init; }
}

/// <summary>The queues, and the policies of the broker that work against what they share.</summary>
internal sealed record QueueList([property: JsonRequired] IReadOnlyList<QueueRow> Items, string? Next, IReadOnlyList<string>? Warnings = null);

/// <summary>A queue that was stopped or goes on.</summary>
internal sealed record QueueSwitch([property: JsonRequired] string Queue, [property: JsonRequired] bool Paused);

/// <summary>A task that will not be retried, kept.</summary>
internal sealed record DeadLetter(
    [property: JsonRequired] string Id, string? Type, string? Queue, string? Reason, string? ErrorType, string? Error, int? Attempt, int? Redriven,
    DateTimeOffset? EnqueuedAt, DateTimeOffset? DeadAt, string? ContentType, JsonElement? Payload, string? Text, string? PayloadNote = null);

/// <summary>A part of the dead letters; the note says in what it may be incomplete.</summary>
internal sealed record DeadLetterPage([property: JsonRequired] IReadOnlyList<DeadLetter> Items, string? Next, string? Note = null);

/// <summary>Which dead letters to move: those that fit everything that is given.</summary>
internal sealed record DeadLetterSelection(
    IReadOnlyList<string>? Ids, string? Queue, string? Type, string? Error, int? Limit, int? PerSecond, bool? DryRun);

/// <summary>How many dead letters were moved.</summary>
internal sealed record Moved([property: JsonRequired] int Count);

/// <summary>What is asked for by <c>PUT /schedules/{name}</c>.</summary>
internal sealed record NewSchedule(string Cron, string Type, JsonElement? Payload, string? TimeZone, string? Queue, string? Missed, string? Overlap, bool Enabled)
{
    /// <summary>What its tasks are for.</summary>
    public string? Key { get; init; }

    /// <summary>How urgent they are.</summary>
    public string? Priority { get; init; }
}

/// <summary>A schedule.</summary>
internal sealed record ScheduleRow(
    [property: JsonRequired] string Name, string? Cron, string? TimeZone, string? Type, JsonElement? Payload, string? Queue, string? Missed, string? Overlap, bool? Enabled, bool? Paused,
    IReadOnlyList<DateTimeOffset>? Next, string? Problem, IReadOnlyList<ScheduleRunRow>? Runs);

/// <summary>What became of an occurrence of a schedule.</summary>
internal sealed record ScheduleRunRow(DateTimeOffset? DueAt, DateTimeOffset? At, string? TaskId, string? State, bool? Manual);

/// <summary>The answer to <c>DELETE /schedules/{name}</c>.</summary>
internal sealed record ScheduleRemoved([property: JsonRequired] string Name);

/// <summary>A batch.</summary>
internal sealed record BatchRow(
    [property: JsonRequired] string Id, string? Name, [property: JsonRequired] string State, int? Total, int? Pending, int? Succeeded, int? DeadLettered, int? Cancelled, DateTimeOffset? OpenedAt,
    DateTimeOffset? ClosedAt, DateTimeOffset? CompletedAt, DateTimeOffset? SucceededAt, DateTimeOffset? CancelledAt, string? OnComplete, string? OnSuccess, string? Problem);

/// <summary>A task of a batch, or the batch of a task, and the number there.</summary>
internal sealed record BatchMemberRow([property: JsonRequired] int Number, [property: JsonRequired] string Id);

/// <summary>A worker replica.</summary>
internal sealed record WorkerRow(
    [property: JsonRequired] string Id, string? Host, string? Version, int? Slots, IReadOnlyList<string>? Queues, DateTimeOffset? StartedAt, DateTimeOffset? LastSeen,
    IReadOnlyList<RunningTask>? Tasks);

/// <summary>A task a worker has.</summary>
internal sealed record RunningTask([property: JsonRequired] string Id, string? Type, DateTimeOffset? StartedAt);

/// <summary>An event of a task.</summary>
internal sealed record TaskEvent(
    string? Topic, DateTimeOffset? At, string? Id, string? Type, string? Queue, string? State, int? Attempt, string? Worker,
    string? ErrorType, string? Error, double? Percent, string? Progress, DateTimeOffset? NextAt);

/// <summary>The answer to <c>POST /events</c>.</summary>
internal sealed record EventPublished([property: JsonRequired] string Id, string? Topic);

/// <summary>An event that was published.</summary>
internal sealed record UserEvent(string? Topic, DateTimeOffset? At, string? Id, JsonElement? Payload);
