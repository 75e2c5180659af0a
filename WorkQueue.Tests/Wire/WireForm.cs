using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Batches;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.DeadLetters;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Monitoring;
using WorkQueue.Messaging.Schedules;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Wire;

/// <summary>What the library reads from a message, as JSON. What has its default is left out: what a later version adds changes nothing of what is kept.</summary>
internal static class WireForm
{
    private static readonly JsonSerializerOptions Form = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(), new TextConverter() },
    };

    private static readonly TaskTopology Topology = new(Options.Create(new WorkQueueOptions { Queues = { ["laned"] = new() { Lanes = 2 }, ["urgent"] = new() { Priorities = true } } }));

    private static readonly TaskQueue Subscription = new(new Subscription("kept"), "wq", TimeSpan.FromMinutes(30));

    /// <summary>Reads it by the codec that a program would.</summary>
    public static JsonNode Read(WireMessage message)
    {
        BasicProperties properties = message.ToProperties();
        ReadOnlyMemory<byte> body = Encoding.UTF8.GetBytes(message.Body);
        StreamMessage stream = new(0, 0, message.Exchange, message.RoutingKey, properties, body);
        string[] kind = message.Kind.Split('.', 2);
        object? read = kind[0] switch
        {
            "control" => ControlEntry.Read(stream),
            "worker" => WorkerHeartbeat.Read(body),
            "event" => Delivery(TaskCodec.ReadEvent(0, false, properties, body, Subscription, message.RoutingKey)),
            "record" => EventCodec.Read(stream, Topology),
            "reply" => ReplyCodec.Read(properties, body),
            "command" or "leader" or "answer" => Entry(kind[0], properties, body),
            "letter" => new { Letter = LetterReader.Read(new BasicGetResult(0, false, message.Exchange, message.RoutingKey, 0, properties, body), Topology), Record = EventCodec.Read(stream, Topology) },
            _ => new { Task = Delivery(TaskCodec.Read(0, false, properties, body, Topology[TaskLane.QueueOf(QueueKey(message))])), Record = EventCodec.Read(stream, Topology) },
        };
        return JsonSerializer.SerializeToNode(read, Form) ?? throw new InvalidOperationException($"{message} cannot be read.");
    }

    // By the ladder the key comes after its delay.
    private static string QueueKey(WireMessage message) => message.Exchange == "wq.tasks" ? message.RoutingKey : message.Headers[TaskHeaders.Queue]!.GetValue<string>();

    private static object Delivery(TaskDelivery delivery) => new { delivery.Message, delivery.Unreadable };

    private static object Entry(string kind, BasicProperties properties, ReadOnlyMemory<byte> body)
    {
        LeaderEntry entry = new(properties.Type!, body, properties.CorrelationId, properties.AppId);
        object? said = entry.Kind switch
        {
            UniqueEntries.Enqueue => UniqueEntries.ReadCommand(body),
            UniqueEntries.Held => UniqueEntries.ReadClaim(body),
            UniqueEntries.Some => UniqueEntries.ReadClaims(body),
            UniqueEntries.Freed => UniqueEntries.ReadScope(body),
            UniqueEntries.Ended or BatchCommand.Ended => TaskEnd.Read(body),
            BatchChange.Kind or BatchChange.Removed => BatchChange.Read(body),
            RateEntries.Ask => RateEntries.ReadAsk(body),
            RateEntries.Answer => RateEntries.ReadAnswer(body),
            _ when entry.Kind.StartsWith("schedule.", StringComparison.Ordinal) => ScheduleEntry.Read(body),
            _ when entry.Kind.StartsWith("batch.", StringComparison.Ordinal) => BatchCommand.Read(body),
            _ => Encoding.UTF8.GetString(body.Span),
        };
        return said is null ? throw new InvalidOperationException($"{kind} {entry.Kind} cannot be read.") : new { entry.Kind, entry.By, entry.Leader, Said = said };
    }

    // Payloads are read more easily as what they are.
    private sealed class TextConverter : JsonConverter<ReadOnlyMemory<byte>>
    {
        public override ReadOnlyMemory<byte> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Encoding.UTF8.GetBytes(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, ReadOnlyMemory<byte> value, JsonSerializerOptions options) => writer.WriteStringValue(Encoding.UTF8.GetString(value.Span));
    }
}
