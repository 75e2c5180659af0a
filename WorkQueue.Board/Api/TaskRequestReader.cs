using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using Microsoft.Net.Http.Headers;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>From the body of <c>POST /tasks</c> to a task. Strict: a misspelt field is an error, not a default.</summary>
internal static class TaskRequestReader
{
    // What ASCII writes is UTF-8 too; the rest are names of it that are in use.
    private static readonly string[] Utf8Names = ["utf-8", "utf8", "us-ascii"];

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a request.</summary>
    /// <exception cref="BadHttpRequestException">The body is no task; the status code says in which way.</exception>
    public static async Task<NewTask> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        bool isText = MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
            && type.MediaType.Equals(MediaTypeNames.Text.Plain, StringComparison.OrdinalIgnoreCase);
        if (!isText && !request.HasJsonContentType())
        {
            throw new BadHttpRequestException(UnsupportedContentType(request), StatusCodes.Status415UnsupportedMediaType);
        }

        RequirePlain(request);
        if (type?.Charset.HasValue == true && !Utf8Names.Contains(HeaderUtilities.RemoveQuotes(type.Charset).ToString(), StringComparer.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException($"Charset is '{type.Charset}'; send UTF-8.", StatusCodes.Status415UnsupportedMediaType);
        }

        ReadOnlyMemory<byte> body = await ReadBodyAsync(request, cancellationToken);
        return isText ? FromText(body) : FromJson(body.Span);
    }

    public static string UnsupportedContentType(HttpRequest request) =>
        $"Content-Type is '{request.ContentType}'; send application/json with {{\"type\":…,\"payload\":…}}, or text/plain.";

    /// <summary>Reads a JSON body as strictly as a task.</summary>
    /// <exception cref="BadHttpRequestException">The body is not of this form.</exception>
    public static async Task<T> ReadStrictAsync<T>(HttpRequest request, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType())
        {
            throw new BadHttpRequestException($"Content-Type is '{request.ContentType}'; send application/json.", StatusCodes.Status415UnsupportedMediaType);
        }

        RequirePlain(request);

        return StrictJson.Parse<T>((await ReadBodyAsync(request, cancellationToken)).Span);
    }

    /// <summary>Reads the JSON of one task.</summary>
    /// <exception cref="BadHttpRequestException">It is no task.</exception>
    public static NewTask FromJson(ReadOnlySpan<byte> body) => Of(StrictJson.Parse<TaskRequest>(body));

    /// <summary>The task that is asked for.</summary>
    /// <exception cref="BadHttpRequestException">It is none.</exception>
    public static NewTask Of(TaskRequest request)
    {
        if (request is { Delay: not null, NotBefore: not null })
        {
            throw new BadHttpRequestException("Send delay or notBefore, not both.");
        }

        RequireDelay(request.Delay, "delay");
        return new NewTask
        {
            Type = request.Type,
            Body = BytesOf(request.Payload),
            ContentType = MediaTypeNames.Application.Json,
            Queue = request.Queue,
            NotBefore = request.NotBefore,
            Delay = request.Delay,
            Key = request.Key,
            Priority = PriorityOf(request.Priority, "priority"),
            Deadline = request.Deadline,
            Then = [.. (request.Then ?? []).Select(StepOf)],
            Unique = request.Unique is { } unique ? UniqueOf(unique) : null,
        };
    }

    private static UniqueOptions UniqueOf(UniqueRequest unique)
    {
        TimeSpan time = default;
        if (unique.For is not (null or "pending") && !TimeSpan.TryParseExact(unique.For, "c", CultureInfo.InvariantCulture, out time))
        {
            throw new BadHttpRequestException($"unique.for is '{unique.For}'; it is pending, or hh:mm:ss.");
        }

        UniqueRule then = unique.Then switch
        {
            null or "skip" => UniqueRule.Skip,
            "replace" => UniqueRule.Replace,
            "debounce" => UniqueRule.Debounce,
            _ => throw new BadHttpRequestException($"unique.then is '{unique.Then}'; it is skip, replace or debounce."),
        };
        return new UniqueOptions { Key = unique.Key, For = unique.For is null or "pending" ? null : time, Then = then, Limit = unique.Limit };
    }

    private static NewTask StepOf(StepRequest? step, int index)
    {
        if (step is null)
        {
            throw new BadHttpRequestException($"then[{index}] is null; it is {{\"type\":…,\"payload\":…}}.");
        }

        RequireDelay(step.Delay, $"then[{index}].delay");
        return new NewTask { Type = step.Type, Body = BytesOf(step.Payload, $"then[{index}].payload"), ContentType = MediaTypeNames.Application.Json, Queue = step.Queue, Delay = step.Delay, Key = step.Key, Priority = PriorityOf(step.Priority, $"then[{index}].priority") };
    }

    private static TaskPriority PriorityOf(string? priority, string name) =>
        priority is null ? TaskPriority.Normal : PriorityNames.TryParse(priority, out TaskPriority known) ? known : throw new BadHttpRequestException($"{name} is '{priority}'; it is high, normal or low.");

    private static void RequireDelay(TimeSpan? delay, string name)
    {
        if (delay < TimeSpan.Zero || delay > TimeSpan.FromDays(365))
        {
            throw new BadHttpRequestException($"{name} is '{delay?.ToString("c", CultureInfo.InvariantCulture)}'; it is hh:mm:ss, not negative, at most 48 days.");
        }
    }

    // As it was sent: written anew, every letter outside ASCII would become six bytes.
    public static byte[] BytesOf(JsonElement payload, string name = "payload")
    {
        try
        {
            // No handler could read it.
            PayloadText.RequireReadable(payload);
            return StrictUtf8.GetBytes(payload.GetRawText());
        }
        catch (Exception invalid) when (invalid is JsonException or ArgumentException)
        {
            throw new BadHttpRequestException($"{name} is not valid Unicode: {invalid.GetBaseException().Message}", invalid);
        }
    }

    /// <summary>Refuses a body that is encoded in a way that the middleware before has not undone.</summary>
    /// <exception cref="BadHttpRequestException">It is.</exception>
    public static void RequirePlain(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.ToString() is { Length: > 0 } encoding && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException($"Content-Encoding is '{encoding}'; send gzip, br, deflate or none.", StatusCodes.Status415UnsupportedMediaType);
        }
    }

    /// <summary>The body, its encoding undone.</summary>
    /// <exception cref="BadHttpRequestException">It is not encoded as its header says.</exception>
    public static async Task<byte[]> BytesAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using MemoryStream body = new();
        try
        {
            await request.Body.CopyToAsync(body, cancellationToken);
            return body.ToArray();
        }
        catch (Exception misfit) when (misfit is InvalidDataException or InvalidOperationException)
        {
            throw new BadHttpRequestException("The body is not encoded as its Content-Encoding says.", misfit);
        }
    }

    /// <summary>Without a byte order mark, which some programs put before UTF-8.</summary>
    public static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> body) => body.Span.StartsWith(Encoding.UTF8.Preamble) ? body[Encoding.UTF8.Preamble.Length..] : body;

    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        return WithoutMark(await BytesAsync(request, cancellationToken)) is { Length: > 0 } plain
            ? plain
            : throw new BadHttpRequestException("The body is empty: a task is a text (text/plain) or {\"type\":…,\"payload\":…} (application/json).");
    }

    private static NewTask FromText(ReadOnlyMemory<byte> body)
    {
        try
        {
            StrictUtf8.GetCharCount(body.Span);
            return new NewTask { Body = body, ContentType = MediaTypeNames.Text.Plain };
        }
        catch (DecoderFallbackException invalid)
        {
            throw new BadHttpRequestException($"The body is not valid UTF-8 at byte {invalid.Index}.", invalid);
        }
    }
}
