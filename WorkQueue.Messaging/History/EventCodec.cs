using RabbitMQ.Client;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;
using static WorkQueue.Messaging.Wire.RecordStates;

namespace WorkQueue.Messaging.History;

/// <summary>How far a task is.</summary>
/// <param name="Percent">0 to 100.</param>
/// <param name="Text">What it does.</param>
internal sealed record TaskProgress(int Percent, string? Text);

/// <summary>A record of its own.</summary>
internal sealed record EventMessage(
    TaskMessage Task, string State, DateTimeOffset At, AttemptRun? Run, AttemptEnd? End, TaskProgress? Progress = null, ReadOnlyMemory<byte> Body = default);

/// <summary>Records to messages on the events exchange, and back from the history whatever message they were; pure.</summary>
internal static class EventCodec
{
    private const int MaxProgressText = 200;

    /// <summary>The routing key of what happens to a task: <c>task.&lt;queue&gt;.&lt;type&gt;.&lt;state&gt;</c>.</summary>
    public static string Topic(string queue, string type, string state) => $"task.{queue}.{Word(type)}.{state}";

    public static OutgoingMessage Write(EventMessage message, TaskTopology topology)
    {
        ChainLink? chain = ChainCodec.Told(message.Task.Chain, moves: message.State is Scheduled or Queued or Retrying or DeadLettered);
        // Most have neither.
        TaskMessage told = message.Task.OtherHeaders.Count == 0 && message.Task.Chain == chain ? message.Task : message.Task with { OtherHeaders = TaskHeaders.None, Chain = chain };
        BasicProperties properties = TaskCodec.Write(told, message.At, message.End, message.Run);
        if (message.Progress is { } progress)
        {
            properties.Headers![TaskHeaders.Percent] = progress.Percent;
            properties.Headers[TaskHeaders.Progress] = TaskCodec.Cut(progress.Text, MaxProgressText);
        }

        if (!message.Body.IsEmpty)
        {
            properties.ContentType = TaskCodec.JsonContent;
        }

        string key = Topic(message.Task.Queue, message.Task.Type, message.State);
        return new OutgoingMessage(topology.EventsExchange, key, topology.EventsExchange, properties, message.Body, Mandatory: false);
    }

    /// <summary>Reads a message of the history; null for one that is no record.</summary>
    public static HistoryRecord? Read(StreamMessage message, TaskTopology topology)
    {
        if (StateOf(message, topology) is not { } state)
        {
            return null;
        }

        IDictionary<string, object?>? headers = message.Properties.Headers;
        string? queue = TaskHeaders.Text(headers, TaskHeaders.Queue) ?? QueueOf(message, topology);
        // A retry of an event passes the ladder, to which the history is bound; it is no task.
        if (queue is null || string.IsNullOrEmpty(message.Properties.MessageId) || TaskHeaders.Text(headers, TaskHeaders.Topic) is not null)
        {
            return null;
        }

        TaskHeaders.TryInteger(headers, TaskHeaders.Attempt, out long? attempt);
        TaskHeaders.TryInteger(headers, TaskHeaders.Redriven, out long? redriven);
        TaskHeaders.TryInteger(headers, TaskHeaders.Returned, out long? returned);
        TaskHeaders.TryInteger(headers, TaskHeaders.Percent, out long? percent);
        TaskHeaders.TryTime(headers, TaskHeaders.NotBefore, out DateTimeOffset? due);
        TaskHeaders.TryTime(headers, TaskHeaders.Deadline, out DateTimeOffset? deadline);
        bool waits = state == Scheduled;
        bool isDead = state == DeadLettered;
        TaskHeaders.TryTime(isDead ? headers : null, TaskHeaders.DeadAt, out DateTimeOffset? deadAt);
        TaskState stage = StageOf(state, attempt ?? 1);
        string? unreadable = null;
        ChainLink? chain = ChainCodec.Read(headers, message.Properties.MessageId!, ref unreadable);
        return new HistoryRecord
        {
            Offset = message.Offset,
            Kind = state switch { Progress => HistoryKind.Progress, Dropped => HistoryKind.Dropped, _ => HistoryKind.State },
            // As the worker that gets the task reads it, or its end would be that of another.
            TaskId = TaskHeaders.ShortString(message.Properties.MessageId)!,
            Type = string.IsNullOrEmpty(message.Properties.Type) ? topology.Find(queue)?.DefaultType ?? "" : TaskHeaders.ShortString(message.Properties.Type)!,
            Queue = queue,
            State = stage,
            Attempt = attempt is > 1 and <= int.MaxValue ? (int)attempt.Value : 1,
            Redriven = (int)Math.Clamp(redriven ?? 0, 0, int.MaxValue),
            Returned = (int)Math.Clamp(returned ?? 0, 0, int.MaxValue),
            At = TaskHeaders.Milliseconds(headers, TaskHeaders.At) ?? EnqueuedAt(message.Properties),
            DeadAt = deadAt,
            EnqueuedAt = EnqueuedAt(message.Properties),
            DueAt = waits || state == Retrying ? due : null,
            Deadline = deadline,
            Key = TaskHeaders.Text(headers, TaskHeaders.Key),
            Priority = AmqpPriority.Read(message.Properties.IsPriorityPresent() ? message.Properties.Priority : null),
            Worker = TaskHeaders.Text(headers, TaskHeaders.Worker),
            StartedAt = TaskHeaders.Milliseconds(headers, TaskHeaders.StartedAt),
            Reason = TaskHeaders.Text(headers, TaskHeaders.Reason) ?? (stage == TaskState.DeadLettered ? TaskHeaders.BrokerReason(headers) : null),
            ErrorType = TaskHeaders.Text(headers, TaskHeaders.ErrorType),
            Error = TaskHeaders.Text(headers, TaskHeaders.Error),
            Percent = (int?)(percent is >= 0 and <= 100 ? percent : null),
            Progress = TaskHeaders.Text(headers, TaskHeaders.Progress),
            RunOf = TaskHeaders.Text(headers, TaskHeaders.RunOf),
            Chain = ChainCodec.Shown(chain),
            Then = ChainCodec.StepsOrNone(chain?.Then),
            Batch = BatchMark.Read(TaskHeaders.Text(headers, TaskHeaders.EndTold)),
            TraceParent = TaskHeaders.Text(headers, TaskHeaders.TraceParent),
            Headers = isDead ? TaskHeaders.Foreign(headers) : TaskHeaders.None,
            ContentType = isDead ? TaskCodec.ContentTypeOf(message.Properties) : message.Properties.ContentType,
            Body = message.Body,
        };
    }

    private static string? StateOf(StreamMessage message, TaskTopology topology)
    {
        if (message.Exchange == topology.TasksExchange)
        {
            return Queued;
        }

        if (message.Exchange == topology.Delays.EntryExchange)
        {
            return Scheduled;
        }

        if (message.Exchange == topology.DeadExchange)
        {
            return DeadLettered;
        }

        string last = message.RoutingKey[(message.RoutingKey.LastIndexOf('.') + 1)..];
        return last is Scheduled or Queued or Running or Retrying or Succeeded or DeadLettered or Cancelled or Progress or Dropped ? last : null;
    }

    // A task that waits on the ladder for anything but its first attempt has failed one.
    private static TaskState StageOf(string state, long attempt) => state switch
    {
        Scheduled => attempt > 1 ? TaskState.Retrying : TaskState.Scheduled,
        Queued => TaskState.Queued,
        Retrying => TaskState.Retrying,
        Succeeded => TaskState.Succeeded,
        DeadLettered => TaskState.DeadLettered,
        Cancelled or Dropped => TaskState.Cancelled,
        _ => TaskState.Running,
    };

    private static string? QueueOf(StreamMessage message, TaskTopology topology) =>
        message.Exchange == topology.EventsExchange
            ? null
            : TaskLane.QueueOf(message.RoutingKey);

    // AMQP's timestamp has seconds only; an id that was made in that second has the milliseconds.
    private static DateTimeOffset? EnqueuedAt(IReadOnlyBasicProperties properties)
    {
        DateTimeOffset? second = properties.Timestamp.UnixTime is > 0 and < 253_402_300_800 ? DateTimeOffset.FromUnixTimeSeconds(properties.Timestamp.UnixTime) : null;
        DateTimeOffset? made = TaskIds.CreatedAt(properties.MessageId!);
        return second is null || made?.ToUnixTimeSeconds() == second.Value.ToUnixTimeSeconds() ? made ?? second : second;
    }

    // A type read from a plain client may hold anything; a topic's words are separated by dots.
    private static string Word(string type) => Names.IsValid(type) ? type : "unknown";
}
