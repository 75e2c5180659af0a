using System.Text;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Wire;

/// <summary>The answer to a call.</summary>
/// <param name="CorrelationId">Which call it answers.</param>
/// <param name="Body">The result as JSON.</param>
/// <param name="Reason">Why there is none; null for a success.</param>
/// <param name="ErrorType">The type of the exception, if there was one.</param>
/// <param name="Error">Its text, cut.</param>
internal sealed record Reply(string? CorrelationId, ReadOnlyMemory<byte> Body, string? Reason, string? ErrorType, string? Error);

/// <summary>Answers to and from AMQP properties, body and headers; pure. A plain client reads the result, or the reason as a text, from the body.</summary>
internal static class ReplyCodec
{
    /// <summary>A result as JSON; one that is not there, or is too large, becomes a failure that says so.</summary>
    public static (BasicProperties Properties, byte[] Body) Write(TaskMessage task, ReadOnlyMemory<byte> json, string? note, int maxBytes) =>
        note is not null ? Write(task, new AttemptEnd($"it succeeded, but without its result: {note}", null, null, default))
        : json.Length > maxBytes ? Write(task, new AttemptEnd($"it succeeded, but its result has {json.Length} bytes; {WorkQueueOptions.Section}:MaxPayloadBytes allows {maxBytes}", null, null, default))
        : (Properties(task, TaskCodec.JsonContent), json.IsEmpty ? "null"u8.ToArray() : json.ToArray());

    /// <summary>A failure.</summary>
    public static (BasicProperties Properties, byte[] Body) Write(TaskMessage task, AttemptEnd end)
    {
        BasicProperties properties = Properties(task, TaskCodec.TextContent);
        properties.Headers = new Dictionary<string, object?> { [TaskHeaders.Reason] = TaskCodec.Cut(end.Reason, TaskCodec.MaxError) };
        if (end.ErrorType is not null)
        {
            properties.Headers[TaskHeaders.ErrorType] = TaskCodec.Cut(end.ErrorType, TaskCodec.MaxErrorType);
        }

        if (end.Error is not null)
        {
            properties.Headers[TaskHeaders.Error] = TaskCodec.Cut(end.Error, TaskCodec.MaxError);
        }

        return (properties, Encoding.UTF8.GetBytes(end.Error is null ? end.Reason : $"{end.Reason}: {end.Error}"));
    }

    public static Reply Read(IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body) => new(
        properties.CorrelationId,
        body.ToArray(),
        TaskHeaders.Text(properties.Headers, TaskHeaders.Reason),
        TaskHeaders.Text(properties.Headers, TaskHeaders.ErrorType),
        TaskHeaders.Text(properties.Headers, TaskHeaders.Error));

    // A caller that knows the task by its id alone is answered all the same.
    private static BasicProperties Properties(TaskMessage task, string contentType) =>
        new() { CorrelationId = task.CorrelationId ?? task.Id, MessageId = task.Id, ContentType = contentType };
}
