using System.Diagnostics;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Events;

/// <summary>Publishes the events of users.</summary>
internal sealed class EventPublisher(
    IPublisher publisher, TaskTopology topology, PayloadCodec json, IOptions<WorkQueueOptions> options, WorkQueueTelemetry telemetry, TimeProvider clock) : ITaskEvents
{
    public async Task<string> PublishAsync<TPayload>(string topic, TPayload payload, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        TopicRules.Check(topic);
        byte[] body = json.Write(payload);
        if (body.Length > options.Value.MaxPayloadBytes)
        {
            throw new InvalidEventException(
                InvalidTaskReason.TooLarge, $"The payload has {body.Length} bytes; {WorkQueueOptions.Section}:MaxPayloadBytes allows {options.Value.MaxPayloadBytes}.");
        }

        DateTimeOffset now = clock.GetUtcNow();
        string id = Guid.CreateVersion7(now).ToString();
        using Activity? activity = telemetry.StartPublish(topology.EventsExchange, topic, id);
        Activity? context = activity ?? Activity.Current;
        TaskMessage message = new()
        {
            Id = id,
            Type = TaskQueue.EventType,
            Queue = "",
            Topic = topic,
            Body = body,
            ContentType = TaskCodec.JsonContent,
            EnqueuedAt = now,
            TraceParent = context?.Id,
            TraceState = context?.TraceStateString,
        };
        try
        {
            BasicProperties properties = TaskCodec.Write(message, now);
            await publisher.PublishAsync(
                new OutgoingMessage(topology.EventsExchange, topic, topology.EventsExchange, properties, body, Mandatory: false), options.Value.ConfirmTimeout, cancellationToken);
            return id;
        }
        catch (PublishFailedException failure)
        {
            activity?.SetStatus(ActivityStatusCode.Error, failure.Message).SetTag("error.type", failure.Outcome.ToString());
            throw new EventNotPublishedException(failure.Outcome, topic, failure.Message, failure);
        }
    }
}
