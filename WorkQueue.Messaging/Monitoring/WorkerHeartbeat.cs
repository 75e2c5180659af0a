using System.Text.Json;
using System.Text.Json.Serialization;
using RabbitMQ.Client;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Monitoring;

/// <summary>How a worker tells that it lives: a message on the events exchange that is not kept.</summary>
internal static class WorkerHeartbeat
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    public static OutgoingMessage Write(WorkerInfo info, TaskTopology topology)
    {
        BasicProperties properties = new() { Type = TopicRules.WorkerTopic, ContentType = "application/json" };
        return new OutgoingMessage(topology.EventsExchange, TopicRules.WorkerTopic, topology.EventsExchange, properties, JsonSerializer.SerializeToUtf8Bytes(info, HeartbeatJson.Default.WorkerInfo), Mandatory: false);
    }

    public static WorkerInfo? Read(ReadOnlyMemory<byte> body) => EntryJson.Read(body, HeartbeatJson.Default.WorkerInfo);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(WorkerInfo))]
internal sealed partial class HeartbeatJson : JsonSerializerContext;
