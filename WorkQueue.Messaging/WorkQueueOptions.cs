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

    /// <summary>How long a publish waits for the broker's confirm before its outcome counts as unknown. Default 30 s.</summary>
    public TimeSpan ConfirmTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Publishes in flight at once on the publishing connection, 1 to 100. Default 64. More than 128 pending can hang
    /// RabbitMQ.Client 7 when the connection dies (rabbitmq-dotnet-client issues 1928 and 1930).
    /// </summary>
    public int PublishWindow { get; set; } = 64;

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

/// <summary>The kind of a task queue on the broker.</summary>
public enum TaskQueueType
{
    /// <summary>Replicated, fsynced before the confirm, counts deliveries.</summary>
    Quorum,

    /// <summary>Not replicated and without a delivery count; for queues shared with plain clients.</summary>
    Classic,
}

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
    /// How often one attempt may be delivered without coming to an end (each time its worker died) before the worker dead-letters
    /// the task. Default 10. Quorum queues only.
    /// </summary>
    public int DeliveryLimit { get; set; } = 10;

    /// <summary>The type of a task that names none. Default <c>simulate</c> on the default queue, none elsewhere.</summary>
    public string? DefaultType { get; set; }
}

/// <summary>One task type, <c>WorkQueue:Types:&lt;type&gt;</c>.</summary>
public sealed class TaskTypeOptions
{
    /// <summary>The queue its tasks go to unless they name one. Default <c>default</c>.</summary>
    public string Queue { get; set; } = WorkQueueOptions.DefaultQueue;

    /// <summary>How long one attempt may take. Default: <see cref="WorkerOptions.TaskTimeout"/>.</summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>The waits between attempts. Default: <see cref="RetryOptions.Delays"/>.</summary>
    public IReadOnlyList<TimeSpan>? RetryDelays { get; set; }
}

/// <summary>TLS to the broker, <c>WorkQueue:Tls</c>.</summary>
public sealed class TlsOptions
{
    /// <summary>The name the broker's certificate must have. Default: the host of the connection string.</summary>
    public string? ServerName { get; set; }

    /// <summary>A PEM file of the authorities to trust instead of the system's. Default: the system's.</summary>
    public string? TrustedCertificate { get; set; }

    /// <summary>A PKCS #12 file of this program's own certificate. Default: none.</summary>
    public string? ClientCertificate { get; set; }

    /// <summary>The password of <see cref="ClientCertificate"/>.</summary>
    public string? ClientCertificatePassword { get; set; }
}

/// <summary>The settings of a worker, <c>WorkQueue:Worker</c>.</summary>
public sealed class WorkerOptions
{
    /// <summary>
    /// The queues it takes tasks from, separated by commas, the preferred first. Default <c>default</c>. A slot takes from the first that has
    /// tasks, and every tenth time from one of the others in turn, so that none starves.
    /// </summary>
    public string Queues { get; set; } = WorkQueueOptions.DefaultQueue;

    internal IReadOnlyList<string> QueueNames => Queues.Split(',', StringSplitOptions.TrimEntries);

    /// <summary>Tasks one process runs at once, 1 to 1024; each slot is a channel and a consumer of its own. Default 1.</summary>
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
    /// How long running tasks may finish when the worker stops. Default 8 s: Aspire kills a process about 12 s after it asked it to stop.
    /// </summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(8);
}

/// <summary>When a failed attempt is tried again, <c>WorkQueue:Retry</c>.</summary>
public sealed class RetryOptions
{
    private static readonly TimeSpan[] DefaultDelays =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(16), TimeSpan.FromSeconds(64)];

    /// <summary>The waits between attempts: N delays give N + 1 attempts. Default 1 s, 4 s, 16 s, 64 s.</summary>
    public IReadOnlyList<TimeSpan>? Delays { get; set; }

    /// <summary>How far a delay may vary at random, as a share of it, 0 to 1. Default 0.2.</summary>
    public double Jitter { get; set; } = 0.2;

    internal IReadOnlyList<TimeSpan> EffectiveDelays => Delays ?? DefaultDelays;
}
