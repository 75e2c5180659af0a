namespace WorkQueue.Messaging;

/// <summary>The workers that are alive. Registered by <c>AddTaskQueue()</c>.</summary>
public interface IWorkerDirectory
{
    /// <summary>The workers heard of in the last 15 seconds, by name.</summary>
    IReadOnlyList<WorkerInfo> Current { get; }
}

/// <summary>A worker, as it last told.</summary>
/// <param name="Id">Its name, unique among those that live: under Aspire the replica's.</param>
/// <param name="Host">The machine.</param>
/// <param name="Version">The version of its program.</param>
/// <param name="Slots">Tasks it can run at once.</param>
/// <param name="Queues">The queues it takes from.</param>
/// <param name="StartedAt">When it started.</param>
/// <param name="LastSeen">When it last told.</param>
/// <param name="Tasks">What it runs.</param>
/// <param name="Problem">Why it cannot take tasks; null while it can.</param>
public sealed record WorkerInfo(
    string Id, string Host, string Version, int Slots, IReadOnlyList<string> Queues, DateTimeOffset StartedAt, DateTimeOffset LastSeen, IReadOnlyList<RunningTask> Tasks, string? Problem = null)
{
    /// <summary>The task types it has handlers for; null where its program is of a version that does not tell.</summary>
    public IReadOnlyList<string>? Types { get; init; }

    /// <summary>How many of the permits of each limited queue it holds (<see cref="QueueOptions.MaxRunning"/>).</summary>
    public IReadOnlyDictionary<string, int> Permits { get; init; } = System.Collections.ObjectModel.ReadOnlyDictionary<string, int>.Empty;
}

/// <summary>A task a worker runs.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type.</param>
/// <param name="StartedAt">When the attempt began.</param>
public sealed record RunningTask(string Id, string Type, DateTimeOffset StartedAt);
