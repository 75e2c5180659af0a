using RabbitMQ.Client;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.DeadLetters;

/// <summary>A letter as it is shown, and as the task it would be again.</summary>
internal sealed record FoundLetter(DeadLetter Letter, TaskMessage Message)
{
    /// <summary>The task as it goes back to its queue.</summary>
    /// <param name="atLeast">The least count of redrives with which its id runs.</param>
    public TaskMessage Redriven(int atLeast) =>
        Message with { Attempt = 1, Returned = 0, HasRun = false, EarlierCrashes = 0, UnknownSince = null, Redriven = Math.Max(Message.Redriven + 1, atLeast), NotBefore = null, Deadline = null, ReplyTo = null, EndTold = WithoutKey(Message.EndTold) };

    // Another may hold its key by now.
    private static string? WithoutKey(string? endTold) => endTold?.StartsWith($"{TaskEnds.OfKey}:", StringComparison.Ordinal) == true ? null : endTold;
}

/// <summary>From a message in a dead-letter queue to a letter; pure.</summary>
internal static class LetterReader
{
    public static FoundLetter Read(BasicGetResult message, TaskTopology topology)
    {
        IDictionary<string, object?>? headers = message.BasicProperties.Headers;
        string name = TaskHeaders.Text(headers, TaskHeaders.Queue) ?? topology.Find(message.RoutingKey)?.Name ?? TaskLane.QueueOf(message.RoutingKey);
        TaskQueue? queue = topology.Find(name);
        TaskDelivery delivery = queue is { IsSubscription: true }
            ? TaskCodec.ReadEvent(message.DeliveryTag, message.Redelivered, message.BasicProperties, message.Body, queue, null)
            : TaskCodec.Read(message.DeliveryTag, message.Redelivered, message.BasicProperties, message.Body, queue ?? topology[WorkQueueOptions.DefaultQueue]);
        TaskMessage task = delivery.Message with { Queue = name };
        TaskHeaders.TryTime(headers, TaskHeaders.DeadAt, out DateTimeOffset? deadAt);
        return new FoundLetter(
            new DeadLetter
            {
                Id = task.Id,
                Type = task.Type,
                Queue = name,
                Topic = task.Topic,
                Reason = TaskHeaders.Text(headers, TaskHeaders.Reason) ?? (queue is null ? $"no queue '{name}' when its delay was over" : TaskHeaders.BrokerReason(headers)),
                ErrorType = TaskHeaders.Text(headers, TaskHeaders.ErrorType),
                Error = TaskHeaders.Text(headers, TaskHeaders.Error),
                Attempt = task.Attempt,
                Redriven = task.Redriven,
                EnqueuedAt = task.EnqueuedAt,
                DeadAt = deadAt,
                ContentType = task.ContentType,
                PayloadBytes = task.Body.Length,
                Payload = task.Body,
                Headers = task.OtherHeaders,
                Chain = ChainCodec.Shown(task.Chain),
                Then = ChainCodec.StepsOrNone(task.Chain?.Then),
            },
            task);
    }
}
