namespace WorkQueue.Messaging;

/// <summary>The settings of a worker, <c>WorkQueue:Worker</c>.</summary>
public sealed class WorkerOptions
{
    /// <summary>
    /// The queues it takes tasks from, separated by commas, the preferred first. Default <c>default</c>. A slot takes from the first that has
    /// tasks, and every tenth time from one of the others in turn, so that none starves.
    /// </summary>
    public string Queues { get; set; } = WorkQueueOptions.DefaultQueue;

    internal IReadOnlyList<string> QueueNames => Queues.Split(',', StringSplitOptions.TrimEntries);

    /// <summary>Tasks one process runs at once, 1 to 1024; each slot is a consumer of its own, up to 16 of them on one channel. Default 1.</summary>
    public int Concurrency { get; set; } = 1;

    /// <summary>
    /// How many tasks a slot is given before it has acknowledged one. <c>1</c>, the default: a busy slot never holds a task another could run.
    /// <c>adaptive</c>: up to 32 while tasks are short and the queue has more, as long as they wait no longer than <see cref="HoldBudget"/>; they
    /// go back to the queue when one runs longer than that.
    /// </summary>
    public string Prefetch { get; set; } = "1";

    internal const string Adaptive = "adaptive";

    internal bool IsAdaptive => Prefetch == Adaptive;

    /// <summary>How long a task may be held behind others of its slot where <see cref="Prefetch"/> is <c>adaptive</c>, 1 ms to 10 s. Default 50 ms.</summary>
    public TimeSpan HoldBudget { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How long one attempt may take before its token is cancelled. Default 25 min; below <see cref="WorkQueueOptions.BrokerConsumerTimeout"/>.</summary>
    public TimeSpan TaskTimeout { get; set; } = TimeSpan.FromMinutes(25);

    /// <summary>How long a handler may go on after its token was cancelled before the worker goes on without it. Default 10 s.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a task of a type that has no handler here is left to other workers before it is a dead letter, from the first worker on that does not
    /// know it. Default 10 min; 0 to 1 day, 0 is a dead letter at once. During a rolling upgrade workers of both versions take from one queue.
    /// </summary>
    public TimeSpan UnknownTypeGrace { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long running tasks may finish when the worker stops. Default 8 s: Aspire kills a process about 12 s after it asked it to stop.
    /// </summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(8);
}
