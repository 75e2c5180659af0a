using System.Buffers;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>Builds the request of a webhook from its payload, or rejects it.</summary>
internal static class WebhookRequest
{
    public const string IdempotencyKey = "Idempotency-Key";

    private static readonly HttpMethod[] Methods =
        [HttpMethod.Get, HttpMethod.Head, HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete];

    // They belong to the connection or to the framing of the message, or they would say a different host than the one checked.
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "HTTP2-Settings",
        "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info", "Proxy-Connection",
    };

    private static readonly HashSet<string> ContentHeaders = new(StringComparer.OrdinalIgnoreCase)
    {
        "Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location", "Content-MD5", "Content-Range",
        "Content-Type", "Expires", "Last-Modified",
    };

    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static HttpRequestMessage Create(Uri target, DeliverWebhook payload, string taskId)
    {
        HttpMethod method = Method(payload.Method);
        HttpContent? content = Body(payload.Body);
        if (content is not null && (method == HttpMethod.Get || method == HttpMethod.Head))
            throw new TaskRejectedException($"A {method} request has no \"body\".");
        if (content is null && (method == HttpMethod.Post || method == HttpMethod.Put || method == HttpMethod.Patch))
            content = new ByteArrayContent([]);

        var request = new HttpRequestMessage(method, target) { Content = content };
        // The same in every attempt, so that the receiver can tell a repetition from a second event.
        request.Headers.TryAddWithoutValidation(IdempotencyKey, taskId);
        request.Headers.TryAddWithoutValidation("User-Agent", "WorkQueue");
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string? value) in payload.Headers ?? [])
        {
            if (!seen.Add(name))
                throw new TaskRejectedException($"The header {name} is given twice.");
            AddHeader(request, name, value);
        }
        return request;
    }

    private static HttpMethod Method(string? name) =>
        name is null
            ? HttpMethod.Post
            : Methods.FirstOrDefault(method => method.Method.Equals(name, StringComparison.OrdinalIgnoreCase))
              ?? throw new TaskRejectedException($"\"method\" must be one of {string.Join(", ", Methods.Select(method => method.Method))}.");

    private static StringContent? Body(JsonElement? body) => body switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        { ValueKind: JsonValueKind.String } text => new StringContent(text.GetString()!, Encoding.UTF8, "text/plain"),
        { } json => new StringContent(json.GetRawText(), Encoding.UTF8, new MediaTypeHeaderValue("application/json")),
    };

    private static void AddHeader(HttpRequestMessage request, string name, string? value)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(TokenCharacters))
            throw new TaskRejectedException("A name in \"headers\" is empty or holds a character that a header name cannot have.");
        if (Reserved.Contains(name))
            throw new TaskRejectedException($"The header {name} cannot be set; the client sets it.");
        if (value is null || value.Any(character => character is not (>= ' ' and <= '~' or '\t')))
            throw new TaskRejectedException($"The value of the header {name} is missing or holds a line break, a control or a non-ASCII character.");

        // A header of the task takes the place of ours. Those that describe the body live with the body, and only there.
        if (ContentHeaders.Contains(name))
        {
            HttpContentHeaders headers = request.Content?.Headers ?? throw new TaskRejectedException($"The header {name} describes a body, and there is none.");
            headers.Remove(name);
            headers.TryAddWithoutValidation(name, value);
        }
        else
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
    }
}
