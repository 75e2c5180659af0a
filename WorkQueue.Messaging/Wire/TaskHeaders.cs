using System.Collections.ObjectModel;
using System.Globalization;
using System.Text;
using System.Text.Json;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Wire;

/// <summary>The header names of the wire contract, and how their values are read.</summary>
internal static class TaskHeaders
{
    public const string Attempt = "wq-attempt";
    public const string Queue = "wq-queue";
    public const string Key = "wq-key";
    public const string NotBefore = "wq-not-before";
    public const string Deadline = "wq-deadline";
    public const string Redriven = "wq-redriven";
    public const string Reason = "wq-reason";
    public const string ErrorType = "wq-error-type";
    public const string Error = "wq-error";
    public const string DeadAt = "wq-dead-at";
    public const string Returned = "wq-returned";
    public const string HasRun = "wq-has-run";
    public const string EarlierCrashes = "wq-earlier-deliveries";
    public const string UnknownSince = "wq-unknown-since";
    public const string RunOf = "wq-run-of";
    public const string EndTold = "wq-end-told";
    public const string Chain = "wq-chain";
    public const string Place = "wq-place";
    public const string Then = "wq-then";
    public const string Previous = "wq-previous";
    public const string At = "wq-at";
    public const string Worker = "wq-worker";
    public const string StartedAt = "wq-started-at";
    public const string Topic = "wq-topic";
    public const string Percent = "wq-percent";
    public const string Progress = "wq-progress";
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";
    public const string DeliveryCount = "x-delivery-count";

    private static readonly HashSet<string> Ours = new(StringComparer.Ordinal)
    {
        Attempt, Queue, Key, NotBefore, Deadline, Redriven, Reason, ErrorType, Error, DeadAt, Returned, HasRun, EarlierCrashes, UnknownSince, RunOf, EndTold, At, Worker, StartedAt, Topic, Percent, Progress, TraceParent, TraceState, Chain, Place, Then, Previous,
    };

    // Set by the broker or the client for one hop; on a republished copy they would be wrong, and CC/BCC would route it twice.
    private static readonly HashSet<string> OfOneHop = new(StringComparer.Ordinal)
    {
        DeliveryCount, "x-acquired-count", "x-death", "x-dotnet-pub-seq-no", "CC", "BCC",
    };

    // All headers of a message must fit one frame, 128 KiB by default; with more the broker closes the whole connection. What travels with a task of a chain takes its part of it.
    private const int MaxForeignBytes = 32 * 1024;
    private const int MaxForeignInChain = 16 * 1024;

    public static IReadOnlyDictionary<string, object?> None { get; } = ReadOnlyDictionary<string, object?>.Empty;

    /// <summary>The headers its sender added for itself, to be carried on; none of them if they are too many to be carried safely.</summary>
    public static IReadOnlyDictionary<string, object?> Foreign(IDictionary<string, object?>? headers, bool inChain = false)
    {
        if (headers is null)
        {
            return None;
        }

        Dictionary<string, object?>? foreign = null;
        // As the client hands it over: to go through an interface takes an object for each message.
        foreach ((string name, object? value) in headers as Dictionary<string, object?> ?? new(headers))
        {
            if (IsForeign(name) && Encoding.UTF8.GetByteCount(name) <= byte.MaxValue)
            {
                (foreign ??= new(StringComparer.Ordinal)).Add(name, Portable(value));
            }
        }

        return foreign is not null && Size(foreign) <= (inChain ? MaxForeignInChain : MaxForeignBytes) ? foreign : None;
    }

    /// <summary>
    /// Cuts what AMQP carries as a short string, at most 255 bytes, where it would not fit again: bytes of a plain client that are no UTF-8
    /// are read as a character each that takes three.
    /// </summary>
    public static string? ShortString(string? text)
    {
        if (text is null || text.Length <= byte.MaxValue / 3 || Encoding.UTF8.GetByteCount(text) <= byte.MaxValue)
        {
            return text;
        }

        Encoding.UTF8.GetEncoder().Convert(text, new byte[byte.MaxValue], flush: false, out int fit, out _, out _);
        return text[..fit];
    }

    // What every queue and stream of every version takes is carried on as it is, the rest as a text: a stream of RabbitMQ 3.10 answers a decimal by
    // 541 INTERNAL_ERROR, which ends the connection of whoever publishes, each time it tries.
    private static object? Portable(object? value) => value switch
    {
        null or bool or sbyte or byte or short or ushort or int or uint or long or float or double or string or byte[] or AmqpTimestamp => value,
        BinaryTableValue binary => binary.Bytes,
        System.Collections.IEnumerable => JsonText(value),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    private static string JsonText(object value)
    {
        try
        {
            return JsonSerializer.Serialize(Plain(value), PlainJson.Default.Object);
        }
        catch (Exception tooDeep) when (tooDeep is JsonException or InvalidOperationException or NotSupportedException)
        {
            return "(nested too deeply)";
        }
    }

    private static object? Plain(object? value) => value switch
    {
        byte[] bytes => Encoding.UTF8.GetString(bytes),
        BinaryTableValue binary => Convert.ToHexString(binary.Bytes),
        IDictionary<string, object?> table => table.ToDictionary(entry => entry.Key, entry => Plain(entry.Value)),
        string text => text,
        System.Collections.IEnumerable list => list.Cast<object?>().Select(Plain).ToArray(),
        AmqpTimestamp time => time.UnixTime,
        double.NaN or double.PositiveInfinity or double.NegativeInfinity or float.NaN or float.PositiveInfinity or float.NegativeInfinity => Convert.ToString(value, CultureInfo.InvariantCulture),
        _ => value,
    };

    private static long Size(IEnumerable<KeyValuePair<string, object?>> headers) => headers.Sum(header => 16 + header.Key.Length + header.Value switch
    {
        byte[] bytes => bytes.LongLength,
        string text => Encoding.UTF8.GetByteCount(text),
        _ => 8,
    });

    private static bool IsForeign(string name) =>
        !Ours.Contains(name) && !OfOneHop.Contains(name)
        && !name.StartsWith("x-first-death-", StringComparison.Ordinal) && !name.StartsWith("x-last-death-", StringComparison.Ordinal);

    public static string? Text(IDictionary<string, object?>? headers, string name) =>
        headers is not null && headers.TryGetValue(name, out object? value)
            // A 4.x stream gives texts over 255 bytes back as binary.
            ? value switch { null => null, byte[] bytes => Encoding.UTF8.GetString(bytes), BinaryTableValue binary => Encoding.UTF8.GetString(binary.Bytes), _ => Convert.ToString(value, CultureInfo.InvariantCulture) }
            : null;

    /// <summary>Reads JSON that may be absent: a text, or what a plain client has written as a table or list.</summary>
    public static string? Json(IDictionary<string, object?> headers, string name) =>
        headers.TryGetValue(name, out object? value) && value is System.Collections.IEnumerable and not (string or byte[]) ? JsonText(value) : Text(headers, name);

    /// <summary>Why the broker itself made a dead letter of it. RabbitMQ 3.10 notes its first reason apart only where the sender has sent no <c>x-death</c>.</summary>
    public static string BrokerReason(IDictionary<string, object?>? headers)
    {
        string? reason = Text(headers, "x-first-death-reason")
            ?? (headers is not null && headers.TryGetValue("x-death", out object? deaths) && deaths is List<object?> and [IDictionary<string, object?> last, ..] ? Text(last, "reason") : null);
        return reason is null ? "no reason given" : $"dead-lettered by the broker: {reason}";
    }

    /// <summary>Reads an integer that may be absent.</summary>
    /// <returns>False when it is there and is not an integer.</returns>
    public static bool TryInteger(IDictionary<string, object?>? headers, string name, out long? value)
    {
        value = null;
        if (headers is null || !headers.TryGetValue(name, out object? given) || given is null)
        {
            return true;
        }

        if (given is long or int)
        {
            value = given is long big ? big : (int)given;
            return true;
        }

        string? text = Text(headers, name);
        bool read = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number);
        value = read ? number : null;
        return read;
    }

    /// <summary>Reads an ISO 8601 time that may be absent.</summary>
    /// <returns>False when it is there and is not a time.</returns>
    public static bool TryTime(IDictionary<string, object?>? headers, string name, out DateTimeOffset? value)
    {
        value = null;
        if (Text(headers, name) is not { } text)
        {
            return true;
        }

        bool read = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time);
        value = read ? time : null;
        return read;
    }

    /// <summary>Reads milliseconds since 1970 that may be absent or wrong.</summary>
    public static DateTimeOffset? Milliseconds(IDictionary<string, object?>? headers, string name) =>
        TryInteger(headers, name, out long? value) && value is > 0 and < 253_402_300_800_000 ? DateTimeOffset.FromUnixTimeMilliseconds(value.Value) : null;

    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
}
