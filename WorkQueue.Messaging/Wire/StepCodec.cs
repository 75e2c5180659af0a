using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Wire;

/// <summary>The tasks that come after another to JSON and back; pure. A payload goes as it was given, to be the body of its message again.</summary>
internal static class StepCodec
{
    // A payload may itself be as deep as the serializer goes by default.
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 128 };
    private static readonly JsonWriterOptions Short = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the tasks after a task.</summary>
    /// <exception cref="FormatException">They cannot be read.</exception>
    public static IReadOnlyList<NewTask> Read(string? then) => [.. Elements(then).Select(StepOf)];

    /// <summary>The next task, and those after it.</summary>
    public static (NewTask Step, string? Left) Next(string then)
    {
        IReadOnlyList<JsonElement> steps = Elements(then);
        return (StepOf(steps[0], 0), ArrayOf(steps.Skip(1).Select(step => step.GetRawText())));
    }

    /// <summary>Writes a task that comes after another.</summary>
    /// <exception cref="FormatException">Its payload is no JSON.</exception>
    public static string Write(NewTask step)
    {
        ArrayBufferWriter<byte> buffer = new();
        using Utf8JsonWriter writer = new(buffer, Short);
        writer.WriteStartObject();
        writer.WriteString("type", step.Type);
        writer.WriteString("queue", step.Queue);
        WritePlace(writer, step);
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

    /// <summary>The elements of a JSON array; none of null.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static IReadOnlyList<JsonElement> Elements(string? text)
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

    /// <summary>JSON texts as an array; null for none.</summary>
    public static string? ArrayOf(IEnumerable<string> elements) => string.Join(',', elements) is { Length: > 0 } joined ? $"[{joined}]" : null;

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
                Key = TextOf(step, "key"),
                Priority = Enum.TryParse(TextOf(step, "priority"), ignoreCase: true, out TaskPriority priority) ? priority : TaskPriority.Normal,
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

    private static void WritePlace(Utf8JsonWriter writer, NewTask step)
    {
        if (step.Key is { } key)
        {
            writer.WriteString("key", key);
        }

        if (step.Priority != TaskPriority.Normal)
        {
            writer.WriteString("priority", step.Priority.ToString().ToLowerInvariant());
        }
    }

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
