using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>A command line for a POSIX shell that sends a task like one that is shown.</summary>
internal static class CurlCommand
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The command for a task.</summary>
    /// <param name="baseUrl">Where the API is, without a slash at the end.</param>
    /// <param name="type">The task's type.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="contentType">What the payload is.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="needsKey">Whether the API asks for a key.</param>
    /// <param name="then">What comes after it in its chain.</param>
    public static string Of(string baseUrl, string type, string queue, string? contentType, ReadOnlySpan<byte> payload, bool needsKey, IReadOnlyList<NewTask>? then = null)
    {
        string text = Encoding.UTF8.GetString(payload);
        bool isJson = contentType == MediaTypeNames.Application.Json;
        string body = isJson ? $$"""{"type":{{Json(type)}},"queue":{{Json(queue)}},"payload":{{text}}{{Then(then)}}}""" : text;
        string key = needsKey ? " -H \"Authorization: Bearer $WORKQUEUE_API_KEY\"" : "";
        string sent = isJson ? MediaTypeNames.Application.Json : MediaTypeNames.Text.Plain;
        // Not -d: it would take a payload that begins with @ for the name of a file, and drop line ends.
        string data = isJson ? "--data-raw" : "--data-binary";
        string quoted = isJson ? Quote(body) : Quote(body.StartsWith('@') ? " " + body : body);
        return $"curl {Quote(baseUrl + "/tasks")}{key} -H {Quote("Content-Type: " + sent)} {data} {quoted}";
    }

    /// <summary>The command for a first text; null where no API is.</summary>
    public static string? First(string? baseUrl, string text) => baseUrl is null ? null : $"curl {baseUrl}/tasks -H 'Content-Type: text/plain' -d {Quote(text)}";

    /// <summary>As one word of a POSIX shell, whatever is in it.</summary>
    public static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string Then(IReadOnlyList<NewTask>? steps) => steps is null or { Count: 0 } ? "" : $""","then":[{string.Join(',', steps.Select(Step))}]""";

    private static string Step(NewTask step)
    {
        string payload = Encoding.UTF8.GetString(step.Body.Span);
        string delay = step.Delay is { } wait ? $$""","delay":{{Json(wait.ToString("c", CultureInfo.InvariantCulture))}}""" : "";
        string queue = step.Queue is { } named ? $$""","queue":{{Json(named)}}""" : "";
        return $$"""{"type":{{Json(step.Type ?? "")}}{{queue}}{{delay}},"payload":{{(step.ContentType == MediaTypeNames.Application.Json ? payload : Json(payload))}}}""";
    }

    private static string Json(string text) => JsonSerializer.Serialize(text, Readable);
}
