namespace WorkQueue.Messaging.Topology;

/// <summary>One of the queues on the broker that hold the tasks of a task queue; most task queues have one.</summary>
/// <param name="Queue">The task queue.</param>
/// <param name="Name">Which of them, null for the first: what comes to the queue without a word of where it belongs.</param>
/// <param name="Limit">How many of its own tasks run at once, over all workers; null for as many as of the task queue.</param>
/// <param name="Rate">How many of its own tasks start in a time, over all workers; null for as many as of the task queue.</param>
internal sealed record TaskLane(TaskQueue Queue, string? Name = null, int? Limit = null, TaskRate? Rate = null)
{
    // No name that a user can choose has one.
    private const char Separator = ':';

    /// <summary>The routing key it takes tasks by.</summary>
    public string Key { get; } = Name is null ? Queue.Name : $"{Queue.Name}{Separator}{Name}";

    /// <summary>It has a limit or a rate of its own.</summary>
    public bool IsLimited => Limit is not null || Rate is not null;

    /// <summary>Its name on the broker.</summary>
    public string BrokerName { get; } = Name is null ? Queue.BrokerName : $"{Queue.BrokerName}.{Name}";

    /// <summary>The task queue that a routing key is for, whatever the delay ladder has put before it.</summary>
    public static string QueueOf(string routingKey) => routingKey[(routingKey.LastIndexOf('.') + 1)..].Split(Separator)[0];
}
