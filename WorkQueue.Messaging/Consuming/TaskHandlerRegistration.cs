using System.Net.Mime;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>How the tasks of one type are run.</summary>
/// <param name="Type">The task type.</param>
/// <param name="RunAsync">Reads the payload and runs the handler; <see cref="TaskRejectedException"/> for a payload that does not fit.</param>
internal sealed record TaskHandlerRegistration(string Type, Func<IServiceProvider, TaskMessage, TaskContext, Task<object?>> RunAsync)
{
    private static readonly JsonSerializerOptions PayloadOptions = new(JsonSerializerDefaults.Web)
    {
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly HashSet<string> Encodings = new(StringComparer.OrdinalIgnoreCase) { "gzip", "x-gzip", "deflate", "compress", "br", "zstd", "base64" };

    public static TaskHandlerRegistration Create<TPayload, THandler>(string type)
        where THandler : class, ITaskHandler<TPayload> =>
        new(type, (services, message, context) =>
        {
            TPayload payload = ReadPayload<TPayload>(message);
            return services.GetRequiredService<THandler>().HandleAsync(payload, context);
        });

    public static TaskHandlerRegistration Create<TPayload>(string type, Func<TPayload, TaskContext, Task<object?>> handle) =>
        new(type, (_, message, context) => handle(ReadPayload<TPayload>(message), context));

    internal static TPayload ReadPayload<TPayload>(TaskMessage message)
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
