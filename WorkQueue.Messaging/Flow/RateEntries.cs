using System.Text.Json;
using System.Text.Json.Serialization;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Flow;

/// <summary>What workers and the leader tell each other of rates. None of it is in the leader's log.</summary>
internal static class RateEntries
{
    /// <summary>Command: what a worker has done with its permits, and how many it wants.</summary>
    public const string Ask = "rate.ask";

    /// <summary>What it has from there on.</summary>
    public const string Answer = "rate.answer";

    public static byte[] Write(RateAsk ask) => JsonSerializer.SerializeToUtf8Bytes(ask, RateJson.Default.RateAsk);

    public static byte[] Write(RateAnswer answer) => JsonSerializer.SerializeToUtf8Bytes(answer, RateJson.Default.RateAnswer);

    public static RateAsk? ReadAsk(ReadOnlyMemory<byte> body) =>
        EntryJson.Read(body, RateJson.Default.RateAsk) is { Name: not null, Worker: not null, ReplyTo: not null, Uses: not null, Held: not null, Number: > 0, Window: > 0 } read ? read : null;

    public static RateAnswer? ReadAnswer(ReadOnlyMemory<byte> body) => EntryJson.Read(body, RateJson.Default.RateAnswer) is { Name: not null, Held: not null } read ? read : null;
}

/// <summary>
/// A worker asks for permits of a rate. All counts are of its whole life, so that an ask that comes twice, or never, or an answer that is lost, counts nothing
/// twice. Times are ticks, and counted from the ask or the answer: what that takes on its way makes a permit come back later, never earlier.
/// </summary>
/// <param name="Name">What has the rate: the name of a queue, or the key of a lane.</param>
/// <param name="Worker">The worker's process.</param>
/// <param name="ReplyTo">The queue that the answer goes to.</param>
/// <param name="Number">How many permits of it there are.</param>
/// <param name="Window">How long after its use one comes back.</param>
/// <param name="Turn">Which of its asks it is.</param>
/// <param name="Used">How many it has used.</param>
/// <param name="Uses">How long ago it was, and how many, for the uses of which it does not know that the leader knows them; the oldest first.</param>
/// <param name="Returned">How many it has given back without a use.</param>
/// <param name="Held">In how long they may be used, and how many, for those that it holds.</param>
/// <param name="Wanted">How many it wants to hold.</param>
internal sealed record RateAsk(
    [property: JsonPropertyName("queue")] string Name, string Worker, string ReplyTo, int Number, long Window, int Turn, long Used, long[][] Uses, long Returned, long[][] Held, int Wanted)
{
    /// <summary>The clock of a leader by which <see cref="At"/> is told; null where it knows none.</summary>
    public string? Clock { get; init; }

    /// <summary>When it was sent, or shortly after that.</summary>
    public long At { get; init; }

    [JsonIgnore]
    public TaskRate Rate => new(Number, TimeSpan.FromTicks(Window));
}

/// <summary>What a worker holds.</summary>
/// <param name="Name">What has the rate.</param>
/// <param name="Turn">The ask that is answered.</param>
/// <param name="Held">In how long they may be used, and how many.</param>
/// <param name="Next">In how long the next one of them comes back that nobody holds; null where none does.</param>
/// <param name="Clock">The leader's clock.</param>
/// <param name="At">When that is counted from, by this clock.</param>
internal sealed record RateAnswer([property: JsonPropertyName("queue")] string Name, int Turn, long[][] Held, long? Next, string Clock, long At);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(RateAsk))]
[JsonSerializable(typeof(RateAnswer))]
internal sealed partial class RateJson : JsonSerializerContext;
