using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Wire;

/// <summary>A message as it was published, in the form in which it is kept as a file.</summary>
/// <param name="Exchange">Where it was published.</param>
/// <param name="RoutingKey">By which key.</param>
/// <param name="Properties">Its AMQP properties by their names.</param>
/// <param name="Headers">Its headers; integers of 64 bits as <c>{"long": 1}</c>, everything else that is no text or 32-bit integer likewise.</param>
/// <param name="Body">Its body, which is a text in all that we send.</param>
internal sealed record WireMessage(string Exchange, string RoutingKey, JsonObject Properties, JsonObject Headers, string Body)
{
    private string Type => Properties["type"]?.GetValue<string>() ?? "";

    /// <summary>What kind of message it is, which is also its file's name.</summary>
    public string Kind => Exchange switch
    {
        "wq.control" => $"control.{Type}",
        "wq.events" when RoutingKey == TopicRules.WorkerTopic => "worker",
        "wq.events" when RoutingKey.StartsWith("task.", StringComparison.Ordinal) => $"record.{RoutingKey[(RoutingKey.LastIndexOf('.') + 1)..]}",
        "wq.events" => "event",
        "" when RoutingKey == "wq.leader" => $"command.{Type}",
        "" when RoutingKey == "wq.leader.log" => $"leader.{Type}",
        "" when Type.Length > 0 => $"answer.{Type}",
        "" => Headers.ContainsKey(TaskHeaders.Reason) ? "reply.error" : "reply.result",
        "wq.dead" => $"letter{Traits()}",
        "wq.delay" when Headers.ContainsKey(TaskHeaders.UnknownSince) => $"left-to-others{Traits()}",
        "wq.delay" => (Headers[TaskHeaders.Attempt]!.GetValue<int>() > 1 ? "retry" : "delayed") + Traits(),
        _ => $"task{Traits()}",
    };

    /// <summary>Its properties as the client reads them.</summary>
    public BasicProperties ToProperties()
    {
        BasicProperties properties = new() { Headers = Headers.ToDictionary(header => header.Key, header => ToHeader(header.Value!)) };
        foreach ((string name, JsonNode? value) in Properties)
        {
            switch (name)
            {
                case "content_type": properties.ContentType = value!.GetValue<string>(); break;
                case "message_id": properties.MessageId = value!.GetValue<string>(); break;
                case "type": properties.Type = value!.GetValue<string>(); break;
                case "correlation_id": properties.CorrelationId = value!.GetValue<string>(); break;
                case "reply_to": properties.ReplyTo = value!.GetValue<string>(); break;
                case "expiration": properties.Expiration = value!.GetValue<string>(); break;
                case "app_id": properties.AppId = value!.GetValue<string>(); break;
                case "priority": properties.Priority = (byte)Number(value!); break;
                case "delivery_mode": properties.DeliveryMode = (DeliveryModes)Number(value!); break;
                case "timestamp": properties.Timestamp = new AmqpTimestamp(Number(value!)); break;
                default: throw new InvalidOperationException($"Property '{name}' is not known here.");
            }
        }

        return properties;
    }

    /// <summary>From a value of an AMQP table.</summary>
    public static JsonNode? OfHeader(object? value) => value switch
    {
        byte[] text => Encoding.UTF8.GetString(text),
        int number => number,
        long number => new JsonObject { ["long"] = number },
        _ => throw new InvalidOperationException($"A header of type {value?.GetType().Name} is not known here."),
    };

    // One that was read from a file is any number; one that was not is of its own type.
    private static long Number(JsonNode value) => long.Parse(value.ToJsonString(), CultureInfo.InvariantCulture);

    private static object? ToHeader(JsonNode value) => value switch
    {
        JsonObject typed => typed["long"]!.GetValue<long>(),
        _ when value.GetValueKind() == JsonValueKind.Number => value.GetValue<int>(),
        _ => Encoding.UTF8.GetBytes(value.GetValue<string>()),
    };

    // What tells messages of one way apart, in this order.
    private string Traits() => string.Concat(
        Properties.ContainsKey("reply_to") ? ".call" : "",
        Headers.ContainsKey(TaskHeaders.Previous) ? ".step" : Headers.ContainsKey(TaskHeaders.Chain) ? ".chain" : "",
        Headers[TaskHeaders.EndTold]?.GetValue<string>().Split(':')[0] switch { TaskEnds.OfBatch => ".batch", TaskEnds.OfKey => ".unique", TaskEnds.OfSchedule => ".schedule", _ => "" },
        Headers.ContainsKey(TaskHeaders.Topic) ? ".event" : "",
        Headers.ContainsKey(TaskHeaders.Key) ? ".key" : "",
        Properties.ContainsKey("priority") ? ".priority" : "",
        Headers.ContainsKey(TaskHeaders.RunOf) ? ".again" : "",
        Headers.ContainsKey(TaskHeaders.Redriven) ? ".redriven" : "",
        Headers.ContainsKey(TaskHeaders.EarlierCrashes) ? ".suspect" : Headers.ContainsKey(TaskHeaders.Returned) && !Headers.ContainsKey(TaskHeaders.UnknownSince) ? ".returned" : "");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind}: {Exchange} {RoutingKey}");
}
