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
}
