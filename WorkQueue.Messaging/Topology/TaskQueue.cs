using System.Globalization;

namespace WorkQueue.Messaging.Topology;

/// <summary>A durable subscription: its name, and which events it gets; no patterns where its handler is in other programs.</summary>
internal sealed record Subscription(string Name, params IReadOnlyList<TopicPattern> Patterns);

/// <summary>One task queue, or the queue of a durable subscription: its names on the broker and what it is declared with.</summary>
internal sealed class TaskQueue
{
    // No name a user can choose has a dot.
    private const string SubscriptionPrefix = "sub.";

    /// <summary>The type of an event whose sender gave it none.</summary>
    public const string EventType = "event";

    /// <summary>What the name of such an exchange ends in.</summary>
    public const string LaneMarkEnd = ".lanes";

    /// <summary>The argument with the broker's own limit on deliveries.</summary>
    public const string DeliveryLimitArgument = "x-delivery-limit";

    // A net that must never act before the worker does: the broker counts each idle slot of a lost connection that a task was handed to while the
    // connection was taken apart, dozens at once.
    private const int NetDeliveryLimit = 10_000;

    public TaskQueue(string name, string prefix, QueueOptions options, TimeSpan consumerTimeout, IEnumerable<KeyValuePair<string, TaskTypeOptions>>? limitedTypes = null)
    {
        Name = name;
        BrokerName = options.Name ?? $"{prefix}.{name}";
        DeadBrokerName = $"{prefix}.{name}.dead";
        Destination = $"{prefix}.tasks:{name}:{BrokerName}";
        EntryDestination = $"{prefix}.tasks:{name}";
        DelayDestination = $"{prefix}.delay:{name}";
        DeadDestination = $"{prefix}.dead:{name}";
        MaxLength = options.MaxLength;
        MaxRunning = options.MaxRunning;
        Rate = TaskRate.Read(options.Rate);
        DeliveryLimit = options.DeliveryLimit;
        DefaultType = options.DefaultType;
        Type = options.Type;
        IsAdopted = options.Name is not null;
        Arguments = options.Type == TaskQueueType.Quorum ? QuorumArguments(prefix, consumerTimeout) : ClassicArguments();
        Lanes = new TaskLanes(this, options, limitedTypes ?? []);
    }

    /// <summary>The queue of a durable subscription. It is bound as a task queue is too: retries and redriven events come back to it alone.</summary>
    public TaskQueue(Subscription subscription, string prefix, TimeSpan consumerTimeout)
        : this($"{SubscriptionPrefix}{subscription.Name}", prefix, new QueueOptions { DefaultType = EventType }, consumerTimeout)
    {
        IsSubscription = true;
        Patterns = subscription.Patterns;
    }

    /// <summary>The name in the settings, also the routing key.</summary>
    public string Name { get; }

    /// <summary>The name on the broker, of its first lane where it has several.</summary>
    public string BrokerName { get; }

    /// <summary>The name of the exchange that bears the number of its lanes.</summary>
    public string LaneMark => $"{BrokerName}{LaneMarkEnd}";

    /// <summary>The queues on the broker that hold its tasks.</summary>
    public TaskLanes Lanes { get; }

    public string DeadBrokerName { get; }

    /// <summary>What telemetry calls it: exchange, routing key and queue, also for a task that came by the delay ladder.</summary>
    public string Destination { get; }

    /// <summary>What telemetry calls the way in: exchange and routing key.</summary>
    public string EntryDestination { get; }

    /// <summary>The way by the delay ladder, without the delay.</summary>
    public string DelayDestination { get; }

    /// <summary>The way to the dead letters.</summary>
    public string DeadDestination { get; }

    public TaskQueueType Type { get; }

    /// <summary>Named by the user, perhaps shared with programs that declare it their own way.</summary>
    public bool IsAdopted { get; }

    /// <summary>Holds events for one subscription, not tasks.</summary>
    public bool IsSubscription { get; }

    /// <summary>Which events a subscription gets; none where its handler is in other programs.</summary>
    public IReadOnlyList<TopicPattern> Patterns { get; } = [];

    /// <summary>Enforced where tasks are admitted, not by the broker: a full queue there would stall the delay ladder for every queue.</summary>
    public int? MaxLength { get; }

    /// <summary>How many of its tasks run at once, over all workers.</summary>
    public int? MaxRunning { get; }

    /// <summary>How many of its tasks start in a time, over all workers.</summary>
    public TaskRate? Rate { get; }

    public int DeliveryLimit { get; }

    /// <summary>How often the broker delivers a message before it dead-letters it by itself.</summary>
    public int BrokerDeliveryLimit { get; private set; } = NetDeliveryLimit;

    /// <summary>It was declared with another limit, by an earlier version or a policy.</summary>
    public void TakeBrokerDeliveryLimit(string? limit) => BrokerDeliveryLimit = int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out int known) ? known : DeliveryLimit;

    public string? DefaultType { get; }

    /// <summary>Whose handler runs types that nobody handles: some clients write odd ones into a queue they share.</summary>
    public string? FallbackType => IsAdopted ? DefaultType : null;

    public IReadOnlyDictionary<string, object?> Arguments { get; }

    /// <summary>
    /// What the dead-letter queue is declared with. No time limit; the delivery limit is as good as none, because listing letters
    /// delivers them, and RabbitMQ 4's default of 20 would drop a letter that is looked at often (-1 means "at once" on 3.10).
    /// </summary>
    public static IReadOnlyDictionary<string, object?> DeadArguments { get; } = new Dictionary<string, object?>
    {
        ["x-queue-type"] = "quorum",
        ["x-delivery-limit"] = 1_000_000_000,
    };

    private Dictionary<string, object?> QuorumArguments(string prefix, TimeSpan consumerTimeout) => new()
    {
        ["x-queue-type"] = "quorum",
        [DeliveryLimitArgument] = NetDeliveryLimit,
        ["x-dead-letter-exchange"] = $"{prefix}.dead",
        ["x-dead-letter-routing-key"] = Name,
        // At-least-once needs reject-publish, even where no length limit is set.
        ["x-dead-letter-strategy"] = "at-least-once",
        ["x-overflow"] = "reject-publish",
        // Ignored below 3.12; sent for quorum queues only, because 4.3 refuses it on classic ones.
        ["x-consumer-timeout"] = (long)consumerTimeout.TotalMilliseconds,
    };

    // An adopted queue keeps the bare arguments that plain clients declare it with; the type itself equals its absence.
    private static Dictionary<string, object?> ClassicArguments() => new() { ["x-queue-type"] = "classic" };
}
