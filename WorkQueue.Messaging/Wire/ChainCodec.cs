using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Wire;

/// <summary>What travels with a task of a chain.</summary>
/// <param name="First">The id of the chain's first task.</param>
/// <param name="Place">The task's place; the first has 0.</param>
/// <param name="Then">The tasks after it, a JSON array; null for none.</param>
/// <param name="Previous">The results of those before it, a JSON array; null for none.</param>
internal sealed record ChainLink(string First, int Place, string? Then, string? Previous);

/// <summary>Chains to headers and back; pure. Whatever cannot be read is said, never thrown, and carried on as it came where it fits.</summary>
internal static class ChainCodec
{
    // Together with all else that may be in the headers of a task they fit one frame, 128 KiB.
    public const int MaxThenBytes = 64 * 1024;
    public const int MaxPreviousBytes = 32 * 1024;

    private const int MaxPlace = 1_000_000;

    // A payload may itself be as deep as the serializer goes by default.
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 128 };
    private static readonly JsonWriterOptions Short = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static void Write(Dictionary<string, object?> headers, ChainLink chain)
    {
        headers[TaskHeaders.Chain] = chain.First;
        headers[TaskHeaders.Place] = chain.Place;
        if (chain.Then is not null)
        {
            headers[TaskHeaders.Then] = chain.Then;
        }

        if (chain.Previous is not null)
        {
            headers[TaskHeaders.Previous] = chain.Previous;
        }
    }

    /// <summary>Reads what travels with a task; null for a task of its own.</summary>
    public static ChainLink? Read(IDictionary<string, object?>? headers, string id, ref string? unreadable)
    {
        bool isOne = headers is not null && (headers.ContainsKey(TaskHeaders.Chain) || headers.ContainsKey(TaskHeaders.Then)
            || headers.ContainsKey(TaskHeaders.Place) || headers.ContainsKey(TaskHeaders.Previous));
        if (!isOne)
        {
            return null;
        }

        string first = TaskHeaders.Text(headers, TaskHeaders.Chain) ?? id;
        if (first.Length == 0 || Encoding.UTF8.GetByteCount(first) > byte.MaxValue)
        {
            unreadable ??= $"header {TaskHeaders.Chain} is no task id";
            first = id;
        }

        if (!TaskHeaders.TryInteger(headers, TaskHeaders.Place, out long? place) || place is < 0 or > MaxPlace)
        {
            unreadable ??= $"header {TaskHeaders.Place} is no place in a chain: '{TaskCodec.Cut(TaskHeaders.Text(headers, TaskHeaders.Place), 100)}'";
            place = null;
        }

        string? then = ReadArray(headers!, TaskHeaders.Then, MaxThenBytes, Steps, ref unreadable);
        string? previous = ReadArray(headers!, TaskHeaders.Previous, MaxPreviousBytes, Results, ref unreadable);
        return new ChainLink(first, (int)(place ?? 0), then, previous);
    }

    /// <summary>Reads the tasks after a task.</summary>
    /// <exception cref="FormatException">They cannot be read.</exception>
    public static IReadOnlyList<NewTask> Steps(string? then) => [.. Elements(then).Select(StepOf)];

    /// <summary>Reads the results before a task.</summary>
    /// <exception cref="FormatException">They cannot be read.</exception>
    public static IReadOnlyList<JsonElement> Results(string? previous) => Elements(previous);

    /// <summary>The next task, and those after it.</summary>
    public static (NewTask Step, string? Left) Next(string then)
    {
        IReadOnlyList<JsonElement> steps = Elements(then);
        return (StepOf(steps[0], 0), ArrayOf(steps.Skip(1).Select(step => step.GetRawText())));
    }

    /// <summary>The results with one more.</summary>
    public static string Append(string? previous, ReadOnlyMemory<byte> result) =>
        ArrayOf(Results(previous).Select(before => before.GetRawText()).Append(result.IsEmpty ? "null" : Encoding.UTF8.GetString(result.Span)))!;

    /// <summary>JSON texts as an array; null for none.</summary>
    public static string? ArrayOf(IEnumerable<string> elements) => string.Join(',', elements) is { Length: > 0 } joined ? $"[{joined}]" : null;

    /// <summary>Writes a task that comes after another.</summary>
    /// <exception cref="FormatException">Its payload is no JSON.</exception>
    public static string Write(NewTask step)
    {
        ArrayBufferWriter<byte> buffer = new();
        using Utf8JsonWriter writer = new(buffer, Short);
        writer.WriteStartObject();
        writer.WriteString("type", step.Type);
        writer.WriteString("queue", step.Queue);
        if (step.Delay is { } delay)
        {
            writer.WriteString("delay", delay.ToString("c", CultureInfo.InvariantCulture));
        }

        try
        {
            WritePayload(writer, step);
            writer.WriteEndObject();
            writer.Flush();
            string text = StrictUtf8.GetString(buffer.WrittenSpan);
            // As whoever runs it will have to.
            StepOf(JsonElement.Parse(text, Deep), 0);
            return text;
        }
        catch (Exception invalid) when (invalid is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new FormatException($"its payload is no JSON: {invalid.Message}", invalid);
        }
    }

    /// <summary>What a record of its own tells: neither payloads nor results, and what comes after it only where it begins to wait.</summary>
    public static ChainLink? Told(ChainLink? chain, bool moves) =>
        chain is null ? null : chain with { Previous = null, Then = moves ? ArrayOf(StepsOrNone(chain.Then).Select(step => $$"""{"type":"{{JsonEncodedText.Encode(step.Type!)}}"}""")) : null };

    /// <summary>A place in a chain, as it is shown.</summary>
    public static TaskChain? Shown(ChainLink? chain) => chain is null ? null : new TaskChain { First = chain.First, Place = chain.Place, Previous = OrNone(chain.Previous, Results) };

    /// <summary>The tasks after a task, as they are shown.</summary>
    public static IReadOnlyList<NewTask> StepsOrNone(string? then) => OrNone(then, Steps);

    private static string? ReadArray<T>(IDictionary<string, object?> headers, string name, int most, Func<string, IReadOnlyList<T>> read, ref string? unreadable)
    {
        if (TaskHeaders.Json(headers, name) is not { } text)
        {
            return null;
        }

        int bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > most)
        {
            unreadable ??= $"header {name} has {bytes} bytes; at most {most} travel with a task";
            return null;
        }

        try
        {
            return read(text).Count == 0 ? null : text;
        }
        catch (FormatException malformed)
        {
            unreadable ??= $"header {name} cannot be read: {malformed.Message}";
            return text;
        }
    }

    private static IReadOnlyList<T> OrNone<T>(string? text, Func<string, IReadOnlyList<T>> read)
    {
        try
        {
            return text is null ? [] : read(text);
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private static IReadOnlyList<JsonElement> Elements(string? text)
    {
        try
        {
            return text is null ? [] : [.. JsonElement.Parse(text, Deep).EnumerateArray()];
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            throw new FormatException($"it is no JSON array: {malformed.Message}", malformed);
        }
    }

    private static NewTask StepOf(JsonElement step, int index)
    {
        try
        {
            string? type = step.ValueKind == JsonValueKind.Object ? TextOf(step, "type") : null;
            if (type is not { Length: > 0 } || Encoding.UTF8.GetByteCount(type) > byte.MaxValue)
            {
                throw new FormatException($"[{index}] has no type");
            }

            string? text = TextOf(step, "text");
            return new NewTask
            {
                Type = type,
                Queue = TextOf(step, "queue"),
                Delay = TextOf(step, "delay") is { } delay ? DelayOf(delay, index) : null,
                Body = Encoding.UTF8.GetBytes(text ?? (step.TryGetProperty("payload", out JsonElement payload) ? payload.GetRawText() : "null")),
                ContentType = text is null ? TaskCodec.JsonContent : TaskCodec.TextContent,
            };
        }
        catch (InvalidOperationException malformed)
        {
            throw new FormatException($"[{index}]: {malformed.Message}", malformed);
        }
    }

    private static TimeSpan DelayOf(string text, int index) =>
        TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out TimeSpan delay) && delay >= TimeSpan.Zero && delay <= DelayLadder.Longest
            ? delay
            : throw new FormatException($"[{index}] has the delay '{TaskCodec.Cut(text, 100)}'; a delay is hh:mm:ss, at most {DelayLadder.Longest.TotalDays:0.0} days");

    private static string? TextOf(JsonElement step, string name) => step.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static void WritePayload(Utf8JsonWriter writer, NewTask step)
    {
        if (step.ContentType == TaskCodec.TextContent)
        {
            writer.WriteString("text", step.Body.Span);
        }
        else
        {
            writer.WritePropertyName("payload");
            writer.WriteRawValue(step.Body.Span);
        }
    }
}
