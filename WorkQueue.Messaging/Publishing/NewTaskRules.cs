using System.Runtime.CompilerServices;
using System.Text;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>What a new task must be like; pure.</summary>
internal static class NewTaskRules
{
    private const int MaxShortBytes = 255;

    /// <summary>Makes a task of a payload.</summary>
    /// <exception cref="ArgumentException">It names no type, or two times.</exception>
    public static NewTask Create<TPayload>(TPayload payload, TaskOptions options, PayloadCodec json)
    {
        ArgumentNullException.ThrowIfNull(payload);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Delay ?? TimeSpan.Zero, TimeSpan.Zero, nameof(options.Delay));
        if (options is { Delay: not null, NotBefore: not null })
        {
            throw new ArgumentException("Give a task a delay or the moment before which it is not to run, not both.", nameof(options));
        }

        return new NewTask
        {
            Type = options.Type ?? TaskTypeAttribute.Of(PayloadCodec.TypeOf(payload)),
            Body = json.Write(payload),
            ContentType = TaskCodec.JsonContent,
            Queue = options.Queue,
            Key = options.Key,
            Priority = options.Priority,
            Id = options.Id,
            NotBefore = options.NotBefore,
            Delay = options.Delay,
            Deadline = options.Deadline,
            Then = options.Then,
            Unique = options.Unique,
        };
    }

    /// <summary>Checks a task and gives it its envelope.</summary>
    /// <exception cref="InvalidTaskException">The task breaks a rule.</exception>
    public static TaskMessage Check(NewTask task, WorkQueueOptions options, TaskTopology topology, DateTimeOffset now)
    {
        (string type, TaskQueue queue) = Resolve(task, options, topology);
        CheckBody(task, options);
        CheckDelay(task);
        UniqueRules.Check(task.Unique, task.Delay);
        DateTimeOffset? notBefore = task.Delay is { } delay ? now + delay : task.NotBefore;
        CheckTimes(notBefore, task.Deadline, now);
        FlowRules.Check(task, queue);
        string id = CheckId(task.Id) ?? Guid.CreateVersion7(now).ToString();
        return new TaskMessage
        {
            Id = id,
            Type = type,
            Queue = queue.Name,
            Body = task.Body,
            ContentType = task.ContentType,
            Key = task.Key,
            Priority = AmqpPriority.Write(task.Priority),
            EnqueuedAt = now,
            NotBefore = notBefore > now ? notBefore : null,
            Deadline = task.Deadline,
            RunOf = CheckId(task.RunOf),
            EndTold = task.EndTold,
            Chain = ChainRules.Check(task, id, options, topology),
        };
    }

    /// <summary>The type and the queue of a task, as it or the settings name them.</summary>
    /// <exception cref="InvalidTaskException">There are none such.</exception>
    public static (string Type, TaskQueue Queue) Resolve(NewTask task, WorkQueueOptions options, TaskTopology topology)
    {
        TaskQueue? named = task.Queue is null ? null : FindQueue(task.Queue, topology);
        string type = task.Type ?? (named ?? topology[WorkQueueOptions.DefaultQueue]).DefaultType
            ?? throw Malformed($"The task has no type, and queue '{task.Queue ?? WorkQueueOptions.DefaultQueue}' has no default type: name a type, or set {WorkQueueOptions.Section}:Queues:{task.Queue ?? WorkQueueOptions.DefaultQueue}:DefaultType in producers and workers.");
        TaskTypeOptions? known = FindType(type, options);
        TaskQueue queue = named ?? FindQueue(known?.Queue ?? WorkQueueOptions.DefaultQueue, topology);
        Require(known?.MaxRunning is null || known.Queue == queue.Name, $"Tasks of type '{type}' go to queue '{known?.Queue}' alone: no more than {WorkQueueOptions.Section}:Types:{type}:MaxRunning run at once, and that is kept there.");
        Require(known?.Rate is null || known.Queue == queue.Name, $"Tasks of type '{type}' go to queue '{known?.Queue}' alone: no more than {WorkQueueOptions.Section}:Types:{type}:Rate start, and that is kept there.");
        return (type, queue);
    }

    private static TaskQueue FindQueue(string queue, TaskTopology topology) => topology.Find(queue) switch
    {
        null => throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, topology.UnknownQueue(queue)),
        { IsSubscription: true } => throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"'{queue}' is a subscription, which takes no tasks: publish an event."),
        TaskQueue known => known,
    };

    private static TaskTypeOptions? FindType(string type, WorkQueueOptions options)
    {
        if (!Names.IsValid(type))
        {
            throw Malformed($"'{type}' is no task type: a type is {Names.Rule}.");
        }

        return options.Types.Count == 0 ? null : options.Types.GetValueOrDefault(type) ?? throw new InvalidTaskException(
            InvalidTaskReason.UnknownType, $"No task type '{type}'. Known: {string.Join(", ", options.Types.Keys.Order())}.");
    }

    /// <exception cref="InvalidTaskException">It does not hold.</exception>
    public static void Require(bool holds, string otherwise, InvalidTaskReason reason = InvalidTaskReason.Malformed)
    {
        if (!holds)
        {
            throw new InvalidTaskException(reason, otherwise);
        }
    }

    /// <inheritdoc cref="Require(bool, string, InvalidTaskReason)"/>
    public static void Require(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref Complaint otherwise, InvalidTaskReason reason = InvalidTaskReason.Malformed)
    {
        if (!holds)
        {
            throw new InvalidTaskException(reason, otherwise.Text());
        }
    }

    /// <exception cref="InvalidTaskException">It is not what a message has room for as a name.</exception>
    public static void RequireShortText(string text, string what) =>
        Require(IsShortText(text), $"A {what} has 1 to {MaxShortBytes} bytes, no control characters and no half of a surrogate pair.");

    /// <exception cref="InvalidTaskException">The payload is too large, or of no kind that a task has.</exception>
    public static void CheckBody(NewTask task, WorkQueueOptions options)
    {
        if (task.ContentType is not (TaskCodec.JsonContent or TaskCodec.TextContent))
        {
            throw Malformed($"'{task.ContentType}' is no content type of a task: it is {TaskCodec.JsonContent} or {TaskCodec.TextContent}.");
        }

        if (task.Body.Length > options.MaxPayloadBytes)
        {
            throw new InvalidTaskException(
                InvalidTaskReason.TooLarge,
                $"The payload has {task.Body.Length} bytes; {WorkQueueOptions.Section}:MaxPayloadBytes allows {options.MaxPayloadBytes}.");
        }
    }

    /// <exception cref="InvalidTaskException">There is a moment too, or it is negative or too long.</exception>
    public static void CheckDelay(NewTask task)
    {
        if (task is { Delay: not null, NotBefore: not null })
        {
            throw Malformed("The task has a delay, and a moment before which it is not to run: give one of them.");
        }

        if (task.Delay < TimeSpan.Zero || task.Delay > DelayLadder.Longest)
        {
            throw Malformed($"The task has the delay {task.Delay}; a delay is not negative, and the longest is {DelayLadder.Longest.TotalDays:0.0} days.");
        }
    }

    private static void CheckTimes(DateTimeOffset? notBefore, DateTimeOffset? deadline, DateTimeOffset now)
    {
        if (notBefore - now > DelayLadder.Longest)
        {
            throw Malformed($"The task is not to run before {notBefore:u}; the longest delay is {DelayLadder.Longest.TotalDays:0.0} days.");
        }

        if (deadline <= now || deadline <= notBefore)
        {
            throw Malformed($"The deadline {deadline:u} is over before the task may start.");
        }
    }

    // Half of a pair would be another character on the wire, and its message no more known by it.
    private static bool IsShortText(string text) =>
        text.Length > 0 && Encoding.UTF8.GetByteCount(text) <= MaxShortBytes && !text.Any(char.IsControl) && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) == text;

    private static string? CheckId(string? id)
    {
        if (id is not null)
        {
            RequireShortText(id, "task id");
        }

        return id;
    }

    private static InvalidTaskException Malformed(string message) => new(InvalidTaskReason.Malformed, message);
}
