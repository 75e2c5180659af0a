using System.Text;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>What a new task must be like; pure.</summary>
internal static class NewTaskRules
{
    private const int MaxIdBytes = 255;

    /// <summary>Makes a task of a payload.</summary>
    /// <exception cref="ArgumentException">It names no type, or two times.</exception>
    public static NewTask Create<TPayload>(TPayload payload, TaskOptions options, PayloadCodec json, DateTimeOffset now)
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
            Id = options.Id,
            NotBefore = options.Delay is { } delay ? Later(now, delay) : options.NotBefore,
            Deadline = options.Deadline,
        };
    }

    // What is too far ahead for a date is too far for a delay too, and is refused as that.
    private static DateTimeOffset Later(DateTimeOffset now, TimeSpan delay) => delay < DateTimeOffset.MaxValue - now ? now + delay : DateTimeOffset.MaxValue;

    /// <summary>Checks a task and gives it its envelope.</summary>
    /// <exception cref="InvalidTaskException">The task breaks a rule.</exception>
    public static TaskMessage Check(NewTask task, WorkQueueOptions options, TaskTopology topology, DateTimeOffset now)
    {
        TaskQueue? named = task.Queue is null ? null : FindQueue(task.Queue, topology);
        string type = task.Type ?? (named ?? topology[WorkQueueOptions.DefaultQueue]).DefaultType
            ?? throw Malformed($"The task has no type, and queue '{task.Queue ?? WorkQueueOptions.DefaultQueue}' has no default type: name a type, or set {WorkQueueOptions.Section}:Queues:{task.Queue ?? WorkQueueOptions.DefaultQueue}:DefaultType in producers and workers.");
        TaskTypeOptions? known = FindType(type, options);
        TaskQueue queue = named ?? FindQueue(known?.Queue ?? WorkQueueOptions.DefaultQueue, topology);
        CheckBody(task, options);
        CheckTimes(task, now);
        return new TaskMessage
        {
            Id = CheckId(task.Id) ?? Guid.CreateVersion7(now).ToString(),
            Type = type,
            Queue = queue.Name,
            Body = task.Body,
            ContentType = task.ContentType,
            EnqueuedAt = now,
            NotBefore = task.NotBefore > now ? task.NotBefore : null,
            Deadline = task.Deadline,
            RunOf = CheckId(task.RunOf),
            EndTold = task.EndTold,
        };
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

    private static void CheckBody(NewTask task, WorkQueueOptions options)
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

    private static void CheckTimes(NewTask task, DateTimeOffset now)
    {
        if (task.NotBefore - now > DelayLadder.Longest)
        {
            throw Malformed($"The task is not to run before {task.NotBefore:u}; the longest delay is {DelayLadder.Longest.TotalDays:0.0} days.");
        }

        if (task.Deadline <= now || task.Deadline <= task.NotBefore)
        {
            throw Malformed($"The deadline {task.Deadline:u} is over before the task may start.");
        }
    }

    private static string? CheckId(string? id)
    {
        if (id is null)
        {
            return null;
        }

        bool valid = id.Length > 0 && Encoding.UTF8.GetByteCount(id) <= MaxIdBytes && !id.Any(char.IsControl);
        return valid ? id : throw Malformed($"A task id has 1 to {MaxIdBytes} bytes and no control characters.");
    }

    private static InvalidTaskException Malformed(string message) => new(InvalidTaskReason.Malformed, message);
}
