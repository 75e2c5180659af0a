namespace WorkQueue.Messaging;

/// <summary>The settings of the library, section <c>WorkQueue</c>. All are checked when the host starts.</summary>
public sealed class WorkQueueOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "WorkQueue";

    /// <summary>The queue a task goes to when neither it nor its type names one.</summary>
    public const string DefaultQueue = "default";

    /// <summary>What the names of all exchanges and queues start with. Letters, digits, <c>-</c> and <c>_</c>. Default <c>wq</c>.</summary>
    public string Prefix { get; set; } = "wq";

    /// <summary>The task queues by name; <c>default</c> always exists. Names: letters, digits, <c>-</c>, <c>_</c>, at most 100 characters.</summary>
    public Dictionary<string, QueueOptions> Queues { get; set; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Names of durable subscriptions whose handlers are in other programs, separated by commas: they are then counted, paused and their dead
    /// letters listed here too, as <c>sub.&lt;name&gt;</c>. Default none; those this program handles itself need not be named.
    /// </summary>
    public string Subscriptions { get; set; } = "";

    /// <summary>
    /// The catalogue of task types, the same for producers and workers. Default empty: every type is accepted, with the defaults.
    /// Not empty: a type that is not in it is refused.
    /// </summary>
    public Dictionary<string, TaskTypeOptions> Types { get; set; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Tasks that are enqueued again and again, by name. Every program that has some takes part in electing the one that enqueues them. Default none; those
    /// made by the API are on the broker alone.
    /// </summary>
    public Dictionary<string, ScheduleOptions> Schedules { get; set; } = new(StringComparer.Ordinal);

    /// <summary>How long a publish waits for the broker's confirm before its outcome counts as unknown. Default 30 s.</summary>
    public TimeSpan ConfirmTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Publishes in flight at once on the publishing connection, 1 to 100. Default 100: many at once are written together by the broker. More than 128
    /// pending can hang RabbitMQ.Client 7 when the connection dies (rabbitmq-dotnet-client issues 1928 and 1930).
    /// </summary>
    public int PublishWindow { get; set; } = 100;

    /// <summary>The AMQP heartbeat: a dead connection is noticed within three of them. Default 10 s, 1 s to 10 min.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The largest payload of a task in bytes. Default 1 MiB; at most 16 MiB, RabbitMQ's own limit since 4.0.</summary>
    public int MaxPayloadBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// How long the broker lets a delivery go unacknowledged. Default 30 min, RabbitMQ's own. It is set on our quorum queues (works from
    /// RabbitMQ 3.12); below that it must match <c>consumer_timeout</c> in rabbitmq.conf. Every task timeout must stay below it.
    /// </summary>
    public TimeSpan BrokerConsumerTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>How the span of an attempt refers to the span of the enqueue. Default <see cref="TraceLinks.Parent"/>.</summary>
    public TraceLinks TraceLinks { get; set; } = TraceLinks.Parent;

    /// <summary>What is written into the history of tasks. Default <see cref="HistoryMode.All"/>.</summary>
    public HistoryMode History { get; set; } = HistoryMode.All;

    /// <summary>How long the history is kept. Default 60 days; not below the longest delay, 49 days. It cannot be changed once the history exists.</summary>
    public TimeSpan HistoryRetention { get; set; } = TimeSpan.FromDays(60);

    /// <summary>How large the history may grow in bytes before its oldest part is dropped. Default 20 GiB, at least 100 MB. It cannot be changed once the history exists.</summary>
    public long HistoryMaxBytes { get; set; } = 20L * 1024 * 1024 * 1024;

    /// <summary>
    /// Whether the history holds the payloads too. Default true: the message that moves a task is itself its record, in one publish. False: each
    /// record is a message of its own, without the payload.
    /// </summary>
    public bool HistoryPayloads { get; set; } = true;

    /// <summary>The largest result of a task that is kept in the history, in bytes of JSON. Default 64 KiB, at most 1 MiB.</summary>
    public int MaxResultBytes { get; set; } = 64 * 1024;

    /// <summary>TLS to the broker; used where the connection string starts with <c>amqps</c>.</summary>
    public TlsOptions Tls { get; set; } = new();

    /// <summary>
    /// Declares exchanges, queues and bindings and ends the program, with exit code 0. Default false. For an administrator, where the programs' own
    /// users may configure nothing.
    /// </summary>
    public bool DeclareOnly { get; set; }

    /// <summary>The settings of a worker.</summary>
    public WorkerOptions Worker { get; set; } = new();

    /// <summary>When a failed attempt is tried again.</summary>
    public RetryOptions Retry { get; set; } = new();

    internal IReadOnlyList<string> SubscriptionNames => Subscriptions.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>How the span of an attempt refers to the span of the enqueue.</summary>
public enum TraceLinks
{
    /// <summary>As its child: one trace shows the task from enqueue to the last attempt.</summary>
    Parent,

    /// <summary>By a link: each attempt is a trace of its own, for tasks that wait long.</summary>
    Link,
}

/// <summary>What is written into the history of tasks.</summary>
public enum HistoryMode
{
    /// <summary>Every transition of every task.</summary>
    All,

    /// <summary>Only what waits for a later moment, fails, dies or is cancelled; a success costs nothing.</summary>
    Failures,

    /// <summary>Nothing; tasks cannot be looked up.</summary>
    Off,
}
