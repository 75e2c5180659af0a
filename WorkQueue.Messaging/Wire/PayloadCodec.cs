using System.Net.Mime;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;

namespace WorkQueue.Messaging.Wire;

/// <summary>From what a program hands over to the JSON of a message, and back to what a handler or caller takes.</summary>
internal sealed class PayloadCodec
{
    private readonly JsonSerializerOptions _options;

    // A payload that lacks something is refused before the handler runs; a result may.
    private readonly JsonSerializerOptions _strict;

    public PayloadCodec(IOptions<TaskJsonOptions> json)
    {
        _options = new JsonSerializerOptions(json.Value.SerializerOptions);
        _options.TypeInfoResolverChain.Add(PlainJson.Default);
        _strict = new JsonSerializerOptions(_options) { RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };
    }

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly HashSet<string> Encodings = new(StringComparer.OrdinalIgnoreCase) { "gzip", "x-gzip", "deflate", "compress", "br", "zstd", "base64" };

    /// <summary>Writes a payload.</summary>
    public byte[] Write<TPayload>(TPayload payload) => JsonSerializer.SerializeToUtf8Bytes(payload, _options.GetTypeInfo(TypeOf(payload)));

    /// <summary>How a result is written: as what it is declared, since what implements an interface may be of a type that no program can name.</summary>
    public JsonTypeInfo ResultType(object result, Type? declared)
    {
        Type? type = declared is null ? null : Nullable.GetUnderlyingType(declared) ?? declared;
        // Something around the handler may have given another.
        return _options.GetTypeInfo(type is null || type == typeof(object) || !type.IsInstanceOfType(result) ? result.GetType() : type);
    }

    /// <summary>Reads the result of a call.</summary>
    public TResult? ReadResult<TResult>(ReadOnlySpan<byte> result) => JsonSerializer.Deserialize(result, (JsonTypeInfo<TResult>)_options.GetTypeInfo(typeof(TResult)));

    /// <summary>The results of the tasks before one in its chain.</summary>
    public TaskResults ResultsOf(ChainLink? chain) => chain?.Previous is null ? TaskResults.None : new TaskResults(ChainCodec.Results(chain.Previous), _options);

    /// <summary>The type a payload is written as: what is declared; of a plain object the nearest of its types that names a task type, or what it is.</summary>
    public static Type TypeOf<TPayload>(TPayload payload)
    {
        if (typeof(TPayload) != typeof(object) || payload is null)
        {
            return typeof(TPayload);
        }

        Type? named = payload.GetType();
        while (named is not null && !named.IsDefined(typeof(TaskTypeAttribute), inherit: false))
        {
            named = named.BaseType;
        }

        return named ?? payload.GetType();
    }

    /// <summary>Reads the payload of a task.</summary>
    /// <exception cref="TaskRejectedException">It does not fit.</exception>
    public TPayload Read<TPayload>(TaskMessage message)
    {
        // Not within: a type that the program's own JSON does not know is no fault of the payload.
        JsonTypeInfo<TPayload> type = (JsonTypeInfo<TPayload>)_strict.GetTypeInfo(typeof(TPayload));
        try
        {
            ReadOnlySpan<byte> body = PlainBody(message);
            TPayload? payload = IsJson(message.ContentType)
                ? JsonSerializer.Deserialize(body, type)
                : FromText(StrictUtf8.GetString(body), type);
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

    private static TPayload? FromText<TPayload>(string text, JsonTypeInfo<TPayload> type) =>
        typeof(TPayload) == typeof(string) ? (TPayload)(object)text
            : typeof(TPayload) == typeof(JsonElement) ? (TPayload)(object)JsonElement.Parse(JsonValue.Create(text).ToJsonString())
            : new JsonObject { ["text"] = text }.Deserialize(type);

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
