using RabbitMQ.Client;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Wire;

/// <summary>A task to and from AMQP properties, body and headers: the only owner of the wire format.</summary>
internal static class TaskCodec
{
    public const string JsonContent = "application/json";
    public const string TextContent = "text/plain";

    private static readonly object FirstAttempt = 1;

    // Error texts may hold whole documents; a header must fit its frame.
    internal const int MaxErrorType = 200;
    internal const int MaxError = 1000;

    /// <summary>Properties of a task. New ones for each publish: the client writes into them.</summary>
    /// <param name="message">The task.</param>
    /// <param name="now">When it is published.</param>
    /// <param name="end">How the attempt before ended, if there was one.</param>
    /// <param name="run">Who ran it.</param>
    public static BasicProperties Write(TaskMessage message, DateTimeOffset now, AttemptEnd? end = null, AttemptRun? run = null)
    {
        // Enough for a new task in a trace.
        Dictionary<string, object?> headers = new(message.OtherHeaders.Count + 5, StringComparer.Ordinal)
        {
            [TaskHeaders.Attempt] = message.Attempt == 1 ? FirstAttempt : message.Attempt,
            [TaskHeaders.Queue] = message.Queue,
            [TaskHeaders.At] = now.ToUnixTimeMilliseconds(),
        };
        foreach ((string name, object? value) in message.OtherHeaders)
        {
            headers.TryAdd(name, value);
        }

        AddIfSet(headers, TaskHeaders.Topic, message.Topic);
        AddIfSet(headers, TaskHeaders.Key, message.Key);
        AddIfSet(headers, TaskHeaders.NotBefore, message.NotBefore is { } notBefore ? TaskHeaders.Time(notBefore) : null);
        AddIfSet(headers, TaskHeaders.Deadline, message.Deadline is { } deadline ? TaskHeaders.Time(deadline) : null);
        AddIfSet(headers, TaskHeaders.Redriven, message.Redriven > 0 ? message.Redriven : null);
        AddIfSet(headers, TaskHeaders.Returned, message.Returned > 0 ? message.Returned : null);
        AddIfSet(headers, TaskHeaders.HasRun, message.HasRun ? 1 : null);
        AddIfSet(headers, TaskHeaders.EarlierCrashes, message.EarlierCrashes > 0 ? message.EarlierCrashes : null);
        AddIfSet(headers, TaskHeaders.UnknownSince, message.UnknownSince is { } unknown ? TaskHeaders.Time(unknown) : null);
        AddIfSet(headers, TaskHeaders.RunOf, message.RunOf);
        AddIfSet(headers, TaskHeaders.EndTold, message.EndTold);
        ChainCodec.Write(headers, message.Chain);
        AddIfSet(headers, TaskHeaders.Reason, Cut(end?.Reason, MaxError));
        AddIfSet(headers, TaskHeaders.ErrorType, Cut(end?.ErrorType, MaxErrorType));
        AddIfSet(headers, TaskHeaders.Error, Cut(end?.Error, MaxError));
        AddIfSet(headers, TaskHeaders.Worker, run?.Worker);
        AddIfSet(headers, TaskHeaders.StartedAt, run?.StartedAt.ToUnixTimeMilliseconds());
        AddIfSet(headers, TaskHeaders.TraceParent, message.TraceParent);
        AddIfSet(headers, TaskHeaders.TraceState, message.TraceState);
        BasicProperties properties = new()
        {
            Persistent = true,
            MessageId = message.Id,
            Type = message.Type,
            Headers = headers,
            // Null is for none.
            ContentType = message.ContentType,
            ContentEncoding = message.ContentEncoding,
            AppId = message.AppId,
            CorrelationId = message.CorrelationId,
            ReplyTo = message.ReplyTo,
        };
        if (message.Priority is { } priority)
        {
            properties.Priority = priority;
        }

        if (message.EnqueuedAt is { } enqueuedAt)
        {
            properties.Timestamp = new AmqpTimestamp(enqueuedAt.ToUnixTimeSeconds());
        }

        return properties;
    }

    /// <summary>Properties of a dead letter: the task as it was, and why it is dead.</summary>
    public static BasicProperties WriteDead(TaskMessage message, AttemptEnd end, AttemptRun? run)
    {
        BasicProperties properties = Write(message, end.At, end, run);
        properties.Headers![TaskHeaders.DeadAt] = TaskHeaders.Time(end.At);
        return properties;
    }

    /// <summary>Reads a delivery of an event; its topic is its routing key, and after a retry in its header.</summary>
    /// <inheritdoc cref="Read(ulong, bool, IReadOnlyBasicProperties, ReadOnlyMemory{byte}, TaskQueue)"/>
    public static TaskDelivery ReadEvent(
        ulong tag, bool redelivered, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, TaskQueue queue, string? routingKey)
    {
        TaskDelivery delivery = Read(tag, redelivered, properties, body, queue);
        string? topic = (routingKey ?? TaskHeaders.Text(properties.Headers, TaskHeaders.Topic)) is { Length: > 0 } given ? given : null;
        return delivery with
        {
            Message = delivery.Message with { Topic = topic ?? "" },
            Unreadable = delivery.Unreadable ?? (topic is null ? "the event has no topic" : null),
        };
    }

    /// <summary>Reads a delivery. Never throws: what cannot be read is said in <see cref="TaskDelivery.Unreadable"/>.</summary>
    public static TaskDelivery Read(
        ulong tag, bool redelivered, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, TaskQueue queue)
    {
        IDictionary<string, object?>? headers = properties.Headers;
        string? unreadable = null;
        if (!TaskHeaders.TryInteger(headers, TaskHeaders.Attempt, out long? attempt) || attempt is < 1 or > int.MaxValue)
        {
            unreadable = $"header {TaskHeaders.Attempt} is not a positive integer: '{TaskHeaders.Text(headers, TaskHeaders.Attempt)}'";
            attempt = null;
        }

        if (!TaskHeaders.TryTime(headers, TaskHeaders.Deadline, out DateTimeOffset? deadline))
        {
            unreadable ??= $"header {TaskHeaders.Deadline} is not an ISO 8601 time: '{TaskHeaders.Text(headers, TaskHeaders.Deadline)}'";
        }

        string? type = string.IsNullOrEmpty(properties.Type) ? null : TaskHeaders.ShortString(properties.Type);
        if (type is null && queue.DefaultType is null)
        {
            unreadable ??= $"the message has no type, and queue '{queue.Name}' has no DefaultType (WorkQueue:Queues:{queue.Name}:DefaultType)";
        }

        // What only informs (counts) or does without (not-before: at once) must not make a task unreadable.
        TaskHeaders.TryTime(headers, TaskHeaders.NotBefore, out DateTimeOffset? notBefore);
        TaskHeaders.TryTime(headers, TaskHeaders.UnknownSince, out DateTimeOffset? unknownSince);
        TaskHeaders.TryInteger(headers, TaskHeaders.Redriven, out long? redriven);
        TaskHeaders.TryInteger(headers, TaskHeaders.Returned, out long? returned);
        TaskHeaders.TryInteger(headers, TaskHeaders.DeliveryCount, out long? counted);
        TaskHeaders.TryInteger(headers, TaskHeaders.EarlierCrashes, out long? crashes);
        // Without one it is a task of its own each time it is delivered: two equal messages are two tasks, and nothing tells a message from its like.
        string id = string.IsNullOrEmpty(properties.MessageId) ? Guid.CreateVersion7().ToString() : TaskHeaders.ShortString(properties.MessageId)!;
        ChainLink? chain = queue.IsSubscription ? null : ChainCodec.Read(headers, id, ref unreadable);
        TaskMessage message = new()
        {
            Id = id,
            Type = type ?? queue.DefaultType ?? "",
            Queue = queue.Name,
            Body = body,
            ContentType = ContentTypeOf(properties),
            ContentEncoding = TaskHeaders.ShortString(properties.ContentEncoding),
            AppId = TaskHeaders.ShortString(properties.AppId),
            Priority = properties.IsPriorityPresent() ? properties.Priority : null,
            Key = Short(TaskHeaders.Text(headers, TaskHeaders.Key)),
            Attempt = (int)(attempt ?? 1),
            Redriven = (int)Math.Clamp(redriven ?? 0, 0, int.MaxValue),
            Returned = (int)Math.Clamp(returned ?? 0, 0, int.MaxValue),
            HasRun = headers?.ContainsKey(TaskHeaders.HasRun) == true,
            EarlierCrashes = Math.Clamp(crashes ?? 0, 0, int.MaxValue),
            UnknownSince = unknownSince,
            RunOf = Short(TaskHeaders.Text(headers, TaskHeaders.RunOf)),
            EndTold = Short(TaskHeaders.Text(headers, TaskHeaders.EndTold)),
            EnqueuedAt = properties.Timestamp.UnixTime is > 0 and < 253_402_300_800 ? DateTimeOffset.FromUnixTimeSeconds(properties.Timestamp.UnixTime) : null,
            NotBefore = notBefore,
            Chain = chain,
            SentAt = notBefore is null && chain is null ? null : TaskHeaders.Milliseconds(headers, TaskHeaders.At),
            Deadline = deadline,
            CorrelationId = TaskHeaders.ShortString(properties.CorrelationId),
            ReplyTo = TaskHeaders.ShortString(properties.ReplyTo),
            TraceParent = Short(TaskHeaders.Text(headers, TaskHeaders.TraceParent)),
            TraceState = Short(TaskHeaders.Text(headers, TaskHeaders.TraceState)),
            OtherHeaders = TaskHeaders.Foreign(headers, inChain: chain is not null),
        };
        return new TaskDelivery(tag, message, redelivered, counted, unreadable) { HasId = !string.IsNullOrEmpty(properties.MessageId) };
    }

    // A plain client that names a type but no content type sends JSON; one that names neither sends a tutorial's text.
    internal static string ContentTypeOf(IReadOnlyBasicProperties properties) =>
        !string.IsNullOrEmpty(properties.ContentType) ? TaskHeaders.ShortString(properties.ContentType)! : string.IsNullOrEmpty(properties.Type) ? TextContent : JsonContent;

    private static void AddIfSet(Dictionary<string, object?> headers, string name, object? value)
    {
        if (value is not null)
        {
            headers[name] = value;
        }
    }

    // W3C Trace Context asks for no more to be carried on (section 3.3.1.5).
    private static string? Short(string? text) => text?.Length <= 512 ? text : null;

    internal static string? Cut(string? text, int length) => text?.Length > length ? text[..length] : text;
}
