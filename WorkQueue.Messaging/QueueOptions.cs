namespace WorkQueue.Messaging;

/// <summary>One task queue, <c>WorkQueue:Queues:&lt;name&gt;</c>.</summary>
public sealed class QueueOptions
{
    /// <summary>The queue's name on the broker. Default: prefix, a dot and its name, as in <c>wq.default</c>.</summary>
    public string? Name { get; set; }

    /// <summary>The queue's kind. Default <see cref="TaskQueueType.Quorum"/>. It cannot be changed once the queue exists.</summary>
    public TaskQueueType Type { get; set; } = TaskQueueType.Quorum;

    /// <summary>
    /// How many tasks may wait in it before new ones are refused. Default none. Counted once a second, so that it may be exceeded a
    /// little; retries, delayed tasks and redriven ones are never refused.
    /// </summary>
    public int? MaxLength { get; set; }

    /// <summary>
    /// How many of its tasks run at once, over all workers; 1 to 1,000. Default none: as many as slots take from it. The slots beyond take from their
    /// other queues, or wait.
    /// </summary>
    public int? MaxRunning { get; set; }

    /// <summary>Whether its tasks have priorities (<see cref="NewTask.Priority"/>): a queue on the broker for each. Default false. Not with <see cref="Lanes"/>.</summary>
    public bool Priorities { get; set; }

    /// <summary>
    /// On how many queues of the broker its tasks are spread by their keys (<see cref="NewTask.Key"/>), to be served in turn; 1 to 256. Default none. Tasks of
    /// one key are in one lane.
    /// </summary>
    public int? Lanes { get; set; }

    /// <summary>How many tasks of one lane run at once, over all workers; 1 to 1,000. Default none. Not with <see cref="MaxRunning"/>.</summary>
    public int? MaxRunningPerKey { get; set; }

    /// <summary>
    /// Whether the tasks of a lane run one at a time and in their order, retries included: one that fails is run again before the next starts. Default false.
    /// </summary>
    public bool Ordered { get; set; }

    /// <summary>
    /// How many of its tasks start in any time of a length, over all workers, as <c>30/00:01:00</c>: at most 30 in any minute. A number of 1 to 100,000, a slash, and
    /// a time of 1 second to 1 day. Default none. What waits for it is in the queue. What is none of this stops the start.
    /// </summary>
    public string? Rate { get; set; }

    /// <summary>
    /// How many tasks of one lane start in any time of a length, over all workers; written as <see cref="Rate"/> is. Default none. It needs <see cref="Lanes"/>, and may be
    /// set beside <see cref="MaxRunningPerKey"/>. Not with <see cref="Rate"/> or <see cref="Ordered"/>. What is none of this stops the start.
    /// </summary>
    public string? RatePerKey { get; set; }

    /// <summary>
    /// How often one attempt may be delivered without coming to an end (each time its worker died, or could not settle it) before the
    /// worker dead-letters the task. Default 10. On a classic queue, which does not count deliveries, the first death is not known.
    /// </summary>
    public int DeliveryLimit { get; set; } = 10;

    /// <summary>
    /// The type of a task that names none: a plain text, or a message of another program. Default none: such a task is refused, and such a message dead-lettered.
    /// </summary>
    public string? DefaultType { get; set; }
}

/// <summary>The kind of a task queue on the broker.</summary>
public enum TaskQueueType
{
    /// <summary>Replicated, fsynced before the confirm, counts deliveries.</summary>
    Quorum,

    /// <summary>Not replicated and without a delivery count; for queues shared with plain clients.</summary>
    Classic,
}
