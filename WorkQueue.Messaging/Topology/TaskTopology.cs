using Microsoft.Extensions.Options;

namespace WorkQueue.Messaging.Topology;

/// <summary>The name and arguments of every exchange and queue.</summary>
internal sealed class TaskTopology
{
    // A name may be as long as the broker allows, and the lock's is longer; two queues may share one.
    private const int LongestInLock = 50;

    private readonly Dictionary<string, TaskQueue> _all;
    private readonly string _permits;

    public TaskTopology(IOptions<WorkQueueOptions> options, IEnumerable<Subscription>? subscriptions = null)
    {
        WorkQueueOptions settings = options.Value;
        string prefix = settings.Prefix;
        TasksExchange = $"{prefix}.tasks";
        DeadExchange = $"{prefix}.dead";
        EventsExchange = $"{prefix}.events";
        DeclareLock = $"{prefix}.control.declare";
        _permits = $"{prefix}.control.permit";
        Unreadable = $"{prefix}.unreadable";
        Delays = new DelayLadder(prefix);
        History = new HistoryTopology(prefix, settings);
        Leader = new LeaderTopology(prefix);
        Dictionary<string, QueueOptions> configured = new(settings.Queues, StringComparer.Ordinal);
        configured.TryAdd(WorkQueueOptions.DefaultQueue, new QueueOptions());
        Queues = [.. configured.Select(queue => new TaskQueue(queue.Key, prefix, queue.Value, settings.BrokerConsumerTimeout, LimitedTypes(queue.Key, settings)))];
        ExpectedTypes =
        [
            .. settings.Types.Select(type => (type.Key, type.Value.Queue)),
            .. Queues.Where(queue => queue.DefaultType is { } type && !settings.Types.ContainsKey(type)).Select(queue => (queue.DefaultType!, queue.Name)),
        ];
        Subscriptions =
        [
            .. (subscriptions ?? []).Concat(settings.SubscriptionNames.Select(name => new Subscription(name))).DistinctBy(subscription => subscription.Name)
                .Select(subscription => new TaskQueue(subscription, prefix, settings.BrokerConsumerTimeout)),
        ];
        _all = Queues.Concat(Subscriptions).ToDictionary(queue => queue.Name, StringComparer.Ordinal);
    }

    /// <summary>Direct exchange every task enters by; its routing key is the queue's name in the settings.</summary>
    public string TasksExchange { get; }

    /// <summary>Direct exchange of the dead letters; same routing keys.</summary>
    public string DeadExchange { get; }

    /// <summary>Topic exchange of what users publish, and of what happens to tasks without a message that moves them.</summary>
    public string EventsExchange { get; }

    /// <summary>Exclusive queue of the program whose turn it is to declare.</summary>
    public string DeclareLock { get; }

    /// <summary>Fanout exchange and queue for messages that the client cannot read.</summary>
    public string Unreadable { get; }

    public DelayLadder Delays { get; }

    public HistoryTopology History { get; }

    public LeaderTopology Leader { get; }

    /// <summary>The task queues.</summary>
    public IReadOnlyList<TaskQueue> Queues { get; }

    /// <summary>The queues of the durable subscriptions.</summary>
    public IReadOnlyList<TaskQueue> Subscriptions { get; }

    /// <summary>Both.</summary>
    public IReadOnlyCollection<TaskQueue> All => _all.Values;

    /// <summary>Exclusive queue of whoever goes through a queue for what cannot be read.</summary>
    public string UnreadableLock(string brokerName) => $"{Unreadable}:{(brokerName.Length > LongestInLock ? brokerName[..LongestInLock] : brokerName)}";

    /// <summary>The types of task that the settings name, each with the queue its tasks go to.</summary>
    public IReadOnlyList<(string Type, string Queue)> ExpectedTypes { get; }

    /// <summary>Whether who takes from a queue can run a task of a type.</summary>
    public bool IsHandled(string type, string queue, IReadOnlyList<string> handled) => handled.Contains(type) || (Find(queue)?.FallbackType is { } other && handled.Contains(other));

    /// <summary>What the names of the exclusive queues begin with that are the permits of a limited queue, by its name, or of a limited lane, by its key.</summary>
    public string PermitsOf(string limited) => $"{_permits}.{limited}";

    public string UnknownQueue(string queue) => $"No queue '{queue}'. Known: {string.Join(", ", _all.Keys.Order())}.";

    public TaskQueue? Find(string queue) => _all.GetValueOrDefault(queue);

    private static IEnumerable<KeyValuePair<string, TaskTypeOptions>> LimitedTypes(string queue, WorkQueueOptions settings) =>
        settings.Types.Where(type => type.Value.Queue == queue && (type.Value.MaxRunning is not null || type.Value.Rate is not null));

    public TaskQueue this[string queue] =>
        Find(queue) ?? throw new InvalidOperationException($"No queue '{queue}' in {WorkQueueOptions.Section}:Queues.");
}
