namespace WorkQueue.Messaging;

/// <summary>How full the queues are, as the broker said at most a second ago. Registered by <c>AddTaskQueue()</c>.</summary>
public interface IQueueCounts
{
    /// <summary>A row a task queue; empty while the broker does not answer.</summary>
    IReadOnlyList<QueueCount> Current { get; }

    /// <summary>Tasks of all queues that wait for their time on the delay ladder, at most 5 seconds old; null while the broker does not answer.</summary>
    long? Delayed { get; }

    /// <summary>Tasks whose queue was missing when their delay was over; null while the broker does not answer.</summary>
    long? Unrouted { get; }

    /// <summary>Messages that the client could not read and that were set aside (<c>wq.unreadable</c>); null while the broker does not answer.</summary>
    long? Unreadable { get; }
}

/// <summary>How full one task queue is.</summary>
/// <param name="Queue">Its name in the settings.</param>
/// <param name="BrokerName">Its name on the broker.</param>
/// <param name="Ready">Tasks waiting for a free worker.</param>
/// <param name="Consumers">Slots taking from it.</param>
/// <param name="Dead">Its dead letters.</param>
public sealed record QueueCount(string Queue, string BrokerName, long Ready, int Consumers, long Dead)
{
    /// <summary>Whether it holds the events of a durable subscription, not tasks.</summary>
    public bool IsSubscription { get; init; }

    /// <summary>The queues on the broker that its tasks are in, where it has more than one (priorities, lanes, or types with a limit or a rate); else none.</summary>
    public IReadOnlyList<LaneCount> Lanes { get; init; } = [];
}

/// <summary>How full one lane of a task queue is.</summary>
/// <param name="Name">Which it is: <c>high</c>, <c>low</c>, <c>lane-2</c>, <c>type-send-mail</c>; empty for the first, which takes what names none.</param>
/// <param name="BrokerName">Its name on the broker.</param>
/// <param name="Ready">Tasks waiting in it.</param>
/// <param name="Consumers">Slots taking from it.</param>
public sealed record LaneCount(string Name, string BrokerName, long Ready, int Consumers)
{
    /// <summary>How many of its tasks run at once, over all workers; null for no limit of its own.</summary>
    public int? Limit { get; init; }

    /// <summary>How many of its tasks start in a time, over all workers, as <c>30 per 00:01:00</c>; null for no rate of its own.</summary>
    public string? Rate { get; init; }
}
