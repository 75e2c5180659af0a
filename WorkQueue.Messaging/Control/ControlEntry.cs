using System.Text.Json;
using System.Text.Json.Serialization;
using RabbitMQ.Client;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Control;

/// <summary>One thing workers are told.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Queue">The queue that is paused or resumed.</param>
/// <param name="Cancelled">The tasks that are cancelled, or whose place a newer one has taken, with how often each had been redriven.</param>
/// <param name="Greeting">Who greets, or tells of runs.</param>
/// <param name="Lost">Runs that have ended, and first deliveries that were lost, under a worker that lives: how many of each, by <see cref="SuspectRuns.KeyOf"/>.</param>
/// <param name="Begun">A run of a task that was delivered before begins, by the same key.</param>
internal sealed record ControlEntry(
    string Kind, string? Queue = null, IReadOnlyDictionary<string, int>? Cancelled = null, string? Greeting = null, IReadOnlyDictionary<string, int>? Lost = null, string? Begun = null)
{
    public const string PauseKind = "pause";
    public const string ResumeKind = "resume";
    public const string CancelKind = "cancel";
    public const string SupersedeKind = "supersede";
    public const string HelloKind = "hello";
    public const string LostKind = "lost";
    public const string BegunKind = "begun";

    /// <summary>Tasks one entry can cancel.</summary>
    public const int MaxIds = 1000;

    public static ControlEntry Pause(string queue) => new(PauseKind, Queue: queue);

    public static ControlEntry Resume(string queue) => new(ResumeKind, Queue: queue);

    public static ControlEntry Cancel(IEnumerable<TaskToCancel> tasks)
    {
        Dictionary<string, int> redriven = new(StringComparer.Ordinal);
        foreach (TaskToCancel task in tasks)
        {
            redriven[task.Id] = task.Redriven;
        }

        return new ControlEntry(CancelKind, Cancelled: redriven);
    }

    public static ControlEntry Supersede(string taskId, int redriven) =>
        new(SupersedeKind, Cancelled: new Dictionary<string, int>(StringComparer.Ordinal) { [taskId] = redriven });

    public static ControlEntry Hello(string greeting) => new(HelloKind, Greeting: greeting);

    public static ControlEntry OfLost(string greeting, IReadOnlyDictionary<string, int> lost) => new(LostKind, Greeting: greeting, Lost: lost);

    public static ControlEntry OfBegun(string greeting, string key) => new(BegunKind, Greeting: greeting, Begun: key);

    public OutgoingMessage Write(TaskTopology topology)
    {
        BasicProperties properties = new() { Persistent = true, Type = Kind, ContentType = "application/json" };
        string exchange = topology.History.ControlExchange;
        return new OutgoingMessage(exchange, "", exchange, properties, JsonSerializer.SerializeToUtf8Bytes(this, ControlJson.Default.ControlEntry));
    }

    /// <summary>Reads an entry; null for one that a later version may understand.</summary>
    public static ControlEntry? Read(StreamMessage message) => EntryJson.Read(message.Body, ControlJson.Default.ControlEntry);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ControlEntry))]
internal sealed partial class ControlJson : JsonSerializerContext;
