using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using WorkQueue.Board.Api;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The form of a new task as it was filled in, and what is wrong with it, by field.</summary>
internal sealed partial record NewTaskForm
{
    public string Type { get; init; } = "";

    public string Queue { get; init; } = "";

    public string Payload { get; init; } = "";

    /// <summary>The payload is plain text.</summary>
    public bool IsText { get; init; }

    public string Delay { get; init; } = "";

    public string Deadline { get; init; } = "";

    public IReadOnlyDictionary<string, string> Errors { get; init; } = new Dictionary<string, string>();

    public static NewTaskForm Read(Func<string, string?> value) => new()
    {
        Type = value("type")?.Trim() ?? "",
        Queue = value("queue")?.Trim() ?? "",
        Payload = TextOf(value("payload")),
        IsText = value("format") == "text",
        Delay = value("delay")?.Trim() ?? "",
        Deadline = value("deadline")?.Trim() ?? "",
    };

    // Browsers send the line ends of a text area as two characters.
    public static string TextOf(string? value) => value?.ReplaceLineEndings("\n") ?? "";

    /// <summary>Why a payload is not JSON as a task needs it; null when it is.</summary>
    public static string? JsonErrorOf(ReadOnlySpan<byte> payload)
    {
        try
        {
            TaskRequestReader.BytesOf(StrictJson.Parse<JsonElement>(payload));
            return null;
        }
        catch (BadHttpRequestException invalid)
        {
            return payload.Length == 0 ? "Write JSON here, for example {\"text\":\"Hello...\"}." : $"This is not JSON: {(invalid.InnerException ?? invalid).Message}";
        }
    }

    /// <summary>The task; null with <paramref name="errors"/> when a field is wrong.</summary>
    public NewTask? ToTask(DateTimeOffset now, out NewTaskForm errors)
    {
        Dictionary<string, string> found = new(StringComparer.Ordinal);
        byte[] body = Encoding.UTF8.GetBytes(Payload);
        if (!IsText && JsonErrorOf(body) is { } invalid)
        {
            found["payload"] = invalid;
        }

        DateTimeOffset? notBefore = MomentOf(Delay, "delay", now, found);
        DateTimeOffset? deadline = MomentOf(Deadline, "deadline", now, found);
        errors = this with { Errors = found };
        return found.Count > 0 ? null : new NewTask
        {
            Type = Type.Length > 0 ? Type : null,
            Queue = Queue.Length > 0 ? Queue : null,
            Body = body,
            ContentType = IsText ? MediaTypeNames.Text.Plain : MediaTypeNames.Application.Json,
            NotBefore = notBefore,
            Deadline = deadline,
        };
    }

    /// <summary>The same form with what the queue says against the task, at the field it is about.</summary>
    public NewTaskForm With(InvalidTaskException refused) => this with
    {
        Errors = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [refused.Reason switch
            {
                InvalidTaskReason.UnknownType => "type",
                InvalidTaskReason.UnknownQueue => "queue",
                InvalidTaskReason.TooLarge => "payload",
                _ when refused.Message.Contains("deadline", StringComparison.OrdinalIgnoreCase) => "deadline",
                _ when refused.Message.Contains("delay", StringComparison.OrdinalIgnoreCase) || refused.Message.Contains("notBefore", StringComparison.OrdinalIgnoreCase) => "delay",
                _ when refused.Message.Contains("queue", StringComparison.OrdinalIgnoreCase) => "queue",
                _ => "type",
            }] = refused.Message,
        },
    };

    // 10s, 5m, 2h, 1d, hh:mm:ss, or a moment of ISO 8601.
    private static DateTimeOffset? MomentOf(string text, string field, DateTimeOffset now, Dictionary<string, string> errors)
    {
        if (text.Length == 0)
        {
            return null;
        }

        if (Short().Match(text) is { Success: true } match)
        {
            int number = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            return now + match.Groups[2].Value switch
            {
                "s" => TimeSpan.FromSeconds(number),
                "m" or "min" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => TimeSpan.FromDays(number),
            };
        }

        if (Clock().IsMatch(text) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time))
        {
            return now + time;
        }

        if (Zoned().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset moment))
        {
            return moment;
        }

        errors[field] = $"“{text}” is no time: write 30s, 5m, 2h, 1d, hh:mm:ss, or a moment like 2030-01-31T12:00:00Z.";
        return null;
    }

    [GeneratedRegex("^([0-9]{1,5}) ?(s|m|min|h|d)$")]
    private static partial Regex Short();

    [GeneratedRegex(@"^(\d{1,3}\.)?\d{1,2}:\d{2}(:\d{2}(\.\d{1,7})?)?$")]
    private static partial Regex Clock();

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?(Z|[+-]\d{2}:\d{2})$")]
    private static partial Regex Zoned();
}
