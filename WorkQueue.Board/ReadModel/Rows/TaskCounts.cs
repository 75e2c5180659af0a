using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>How many tasks there are, each counted once, in the state it is in; those dropped from the list to save memory too.</summary>
internal sealed record TaskCounts
{
    /// <summary>By state; every state is there.</summary>
    public required IReadOnlyDictionary<TaskState, long> ByState { get; init; }

    /// <summary>By queue and state; every state is there.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>> ByQueue { get; init; }

    /// <summary>Successes after a first one.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Cancelled tasks whose messages no worker has dropped yet: still pending for the broker.</summary>
    public required long CancelledOnBroker { get; init; }

    /// <summary>Finished tasks that are counted but no longer listed (<c>WorkQueue:Board:MaxTasks</c>).</summary>
    public required long Dropped { get; init; }

    /// <summary>How many are in a state.</summary>
    public long this[TaskState state] => ByState[state];

    /// <summary>All tasks the history tells of.</summary>
    public long Confirmed => ByState.Values.Sum();

    /// <summary>Those that have not ended: scheduled, queued, running, retrying.</summary>
    public long Pending => this[TaskState.Scheduled] + this[TaskState.Queued] + this[TaskState.Running] + this[TaskState.Retrying];
}

/// <summary>What happens at the moment.</summary>
/// <param name="InPerSecond">Tasks that came, a second, over the last minute.</param>
/// <param name="OutPerSecond">Tasks that ended, a second, over the last minute.</param>
/// <param name="FailedShare">The share of the attempts that ended in the last minute and failed, 0 to 1; null when none ended.</param>
/// <param name="Wait">Seconds from being ready to the start, of the last five minutes; null when none started.</param>
/// <param name="Run">Seconds from the start to the end of an attempt, likewise.</param>
/// <param name="OldestWaiting">How long the task has waited that has been queued the longest; null when none is.</param>
/// <param name="TimeToDrain">How long until all pending tasks are done at these rates; null when they do not become fewer.</param>
/// <param name="PerSecond">Tasks that came and ended in each of the last 60 seconds, the oldest first: for a chart.</param>
internal sealed record LiveStats(
    double InPerSecond, double OutPerSecond, double? FailedShare, Percentiles? Wait, Percentiles? Run, TimeSpan? OldestWaiting, TimeSpan? TimeToDrain,
    IReadOnlyList<SecondCount> PerSecond);

/// <summary>So many came and ended in one second.</summary>
/// <param name="In">Came.</param>
/// <param name="Out">Ended.</param>
/// <param name="Failed">Attempts that failed.</param>
internal sealed record SecondCount(int In, int Out, int Failed);

/// <summary>Half of the values, 95 and 99 of a hundred are at most this.</summary>
internal sealed record Percentiles(double P50, double P95, double P99);

/// <summary>Dead letters with the same kind of error.</summary>
/// <param name="Queue">Their queue.</param>
/// <param name="Type">Their task type.</param>
/// <param name="ErrorType">The exception's type; null where there was none.</param>
/// <param name="Error">What their errors, or without errors their reasons, have in common: numbers, ids and quoted parts are <c>…</c>.</param>
/// <param name="Example">The error or reason of one of them; its beginning finds the group by the filter <c>error</c>.</param>
/// <param name="Count">How many.</param>
/// <param name="Newest">When the newest died.</param>
internal sealed record DeadGroup(string Queue, string Type, string? ErrorType, string Error, string Example, long Count, DateTimeOffset? Newest);

/// <summary>How much of the history the projection has seen.</summary>
/// <param name="IsReplaying">True until everything that was there at the start has been read: until then answers may be incomplete.</param>
/// <param name="Replayed">Records read.</param>
/// <param name="LastOffset">The offset of the last one.</param>
/// <param name="StartsAt">When the oldest record that is kept was made; tasks that ended before are unknown.</param>
internal sealed record HistoryProgress(bool IsReplaying, long Replayed, long? LastOffset, DateTimeOffset? StartsAt);

/// <summary>Tasks that wait for one key of a queue.</summary>
/// <param name="Key">The key (<see cref="NewTask.Key"/>).</param>
/// <param name="Waiting">How many wait, or <see cref="Most"/> where there are as many or more.</param>
/// <param name="Oldest">How long the one has waited that has been queued the longest.</param>
internal sealed record WaitingKey(string Key, long Waiting, TimeSpan Oldest)
{
    /// <summary>Beyond that they are not counted.</summary>
    public const int Most = 10_000;
}
