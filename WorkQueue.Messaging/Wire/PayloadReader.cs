using System.Net.Mime;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace WorkQueue.Messaging.Wire;

/// <summary>From the payload of a message to what a handler takes.</summary>
internal static class PayloadReader
{
    private static readonly JsonSerializerOptions PayloadOptions = new(JsonSerializerDefaults.Web)
    {
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly HashSet<string> Encodings = new(StringComparer.OrdinalIgnoreCase) { "gzip", "x-gzip", "deflate", "compress", "br", "zstd", "base64" };

    /// <summary>Reads a payload.</summary>
    /// <exception cref="TaskRejectedException">It does not fit.</exception>
    public static TPayload Read<TPayload>(TaskMessage message)
    {
        try
        {
            ReadOnlySpan<byte> body = PlainBody(message);
            TPayload? payload = IsJson(message.ContentType)
                ? JsonSerializer.Deserialize<TPayload>(body, PayloadOptions)
                : FromText<TPayload>(StrictUtf8.GetString(body));
            return payload ?? throw new TaskRejectedException($"the payload of type {message.Type} is null");
        }
        catch (Exception misfit) when (misfit is JsonException or NotSupportedException or DecoderFallbackException)
        {
            throw new TaskRejectedException($"the payload does not fit type {message.Type}: {misfit.Message}", misfit);
        }
    }

    // What some clients name here is the charset, or that there is no encoding; some put a byte order mark before the text.
    private static ReadOnlySpan<byte> PlainBody(TaskMessage message)
    {
        if (message.ContentEncoding is { Length: > 0 } encoding && Encodings.Contains(encoding.Trim()))
        {
            throw new TaskRejectedException($"the payload has the content encoding '{encoding}', which is not read: send it as plain UTF-8");
        }

        ReadOnlySpan<byte> body = message.Body.Span;
        return body.StartsWith(Encoding.UTF8.Preamble) ? body[Encoding.UTF8.Preamble.Length..] : body;
    }

    private static TPayload? FromText<TPayload>(string text) =>
        typeof(TPayload) == typeof(string) ? (TPayload)(object)text
            : typeof(TPayload) == typeof(JsonElement) ? (TPayload)(object)JsonSerializer.SerializeToElement(text)
            : new JsonObject { ["text"] = text }.Deserialize<TPayload>(PayloadOptions);

    private static bool IsJson(string? contentType)
    {
        if (contentType == MediaTypeNames.Application.Json)
        {
            return true;
        }

        string media = (contentType ?? "").Split(';')[0].Trim();
        return media.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase)
            || media.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }
}
