namespace WorkQueue.Messaging;

/// <summary>One task type, <c>WorkQueue:Types:&lt;type&gt;</c>.</summary>
public sealed class TaskTypeOptions
{
    /// <summary>The queue its tasks go to unless they name one. Default <c>default</c>.</summary>
    public string Queue { get; set; } = WorkQueueOptions.DefaultQueue;

    /// <summary>How long one attempt may take. Default: <see cref="WorkerOptions.TaskTimeout"/>.</summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>
    /// How many tasks of this type run at once, over all workers; 1 to 1,000. Default none. They have a queue on the broker of their own, and cannot be enqueued to another
    /// task queue than <see cref="Queue"/>.
    /// </summary>
    public int? MaxRunning { get; set; }

    /// <summary>
    /// How many tasks of this type start in any time of a length, over all workers, as <c>30/00:01:00</c>: at most 30 in any minute. A number of 1 to 100,000, a slash,
    /// and a time of 1 second to 1 day. Default none. As with <see cref="MaxRunning"/>, beside which it may be set, they have a queue on the broker of their own. Not
    /// where their queue has a <see cref="QueueOptions.Rate"/>. What is none of this stops the start.
    /// </summary>
    public string? Rate { get; set; }

    /// <summary>The waits between attempts. Default: <see cref="RetryOptions.Delays"/>.</summary>
    public IReadOnlyList<TimeSpan>? RetryDelays { get; set; }
}
