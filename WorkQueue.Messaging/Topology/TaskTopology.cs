using Microsoft.Extensions.Options;

namespace WorkQueue.Messaging.Topology;

/// <summary>The name and arguments of every exchange and queue.</summary>
internal sealed class TaskTopology
{
    private readonly Dictionary<string, TaskQueue> _queues;

    public TaskTopology(IOptions<WorkQueueOptions> options)
    {
        WorkQueueOptions settings = options.Value;
        string prefix = settings.Prefix;
        TasksExchange = $"{prefix}.tasks";
        DeadExchange = $"{prefix}.dead";
        EventsExchange = $"{prefix}.events";
        DeclareLock = $"{prefix}.control.declare";
        Delays = new DelayLadder(prefix);
        History = new HistoryTopology(prefix, settings);
        Dictionary<string, QueueOptions> configured = new(settings.Queues, StringComparer.Ordinal);
        configured.TryAdd(WorkQueueOptions.DefaultQueue, new QueueOptions());
        _queues = configured.ToDictionary(
            queue => queue.Key,
            queue => new TaskQueue(queue.Key, prefix, queue.Value, settings.BrokerConsumerTimeout),
            StringComparer.Ordinal);
    }

    /// <summary>Direct exchange every task enters by; its routing key is the queue's name in the settings.</summary>
    public string TasksExchange { get; }

    /// <summary>Direct exchange of the dead letters; same routing keys.</summary>
    public string DeadExchange { get; }

    /// <summary>Topic exchange of what happens to tasks without a message that moves them.</summary>
    public string EventsExchange { get; }

    /// <summary>Exclusive queue of the program whose turn it is to declare.</summary>
    public string DeclareLock { get; }

    public DelayLadder Delays { get; }

    public HistoryTopology History { get; }

    public IReadOnlyCollection<TaskQueue> Queues => _queues.Values;

    public string UnknownQueue(string queue) => $"No queue '{queue}'. Known: {string.Join(", ", _queues.Keys.Order())}.";

    public TaskQueue? Find(string queue) => _queues.GetValueOrDefault(queue);

    public TaskQueue this[string queue] =>
        Find(queue) ?? throw new InvalidOperationException($"No queue '{queue}' in {WorkQueueOptions.Section}:Queues.");
}
