namespace WorkQueue.Messaging;

/// <summary>What a handler sees of the task it runs.</summary>
public sealed record TaskContext
{
    /// <summary>The task's id, the same in every attempt and after a redelivery: the key to make a handler idempotent by.</summary>
    public required string Id { get; init; }

    /// <summary>The task's type.</summary>
    public required string Type { get; init; }

    /// <summary>The queue the task was taken from, by its name in the settings (<c>default</c>, not <c>wq.default</c>).</summary>
    public required string Queue { get; init; }

    /// <summary>What it is for (<see cref="NewTask.Key"/>), such as a tenant; null for a task without a key.</summary>
    public string? Key { get; init; }

    /// <summary>Which attempt this is, from 1. A run cut short by a crash or a stop is not counted.</summary>
    public required int Attempt { get; init; }

    /// <summary>
    /// True when this attempt may have been delivered before, by the broker or because a worker that stopped gave it back: an earlier run of it may have got anywhere, even to
    /// its end.
    /// </summary>
    public required bool Redelivered { get; init; }

    /// <summary>When the task was enqueued; null when its sender did not say.</summary>
    public DateTimeOffset? EnqueuedAt { get; init; }

    /// <summary>After this moment the task is not started any more; null for none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>What the tasks returned that ran before it in its chain; empty for the first, and for a task of its own.</summary>
    public TaskResults Previous { get; init; } = TaskResults.None;

    /// <summary>Which member of which batch it is, so that it can add others by <see cref="ITaskBatches.AddAsync"/>; null for a task of no batch.</summary>
    public BatchMember? Batch { get; init; }

    /// <summary>
    /// Cancelled when the task has run longer than its timeout, when the worker stops and the time to drain is up, or when the broker
    /// took the task back. A handler that finishes all the same, soon enough, has done its task, unless the broker took it back.
    /// </summary>
    public required CancellationToken CancellationToken { get; init; }

    /// <summary>The services of this run, from a scope of its own: for handlers that are lambdas. Default: none.</summary>
    public IServiceProvider Services { get; init; } = NoServices.Instance;

    internal IProgressReport? Run { get; init; }

    /// <summary>Tells how far the task is, for those who watch it. Cheap: of many reports in a moment only the last is sent.</summary>
    /// <param name="percent">0 to 100; what is below or above counts as 0 or 100.</param>
    /// <param name="text">What it does at the moment, at most 200 characters; null for nothing.</param>
    public void ReportProgress(int percent, string? text = null) => Run?.Report(Math.Clamp(percent, 0, 100), text);

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
