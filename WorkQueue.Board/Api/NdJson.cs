using Microsoft.Net.Http.Headers;

namespace WorkQueue.Board.Api;

/// <summary>A body of many lines, each a JSON value.</summary>
internal static class NdJson
{
    public const string ContentType = "application/x-ndjson";

    /// <summary>Reads the lines that are not empty.</summary>
    /// <exception cref="BadHttpRequestException">It is of another type, has none, or too many.</exception>
    public static async Task<IReadOnlyList<BatchLine>> ReadAsync(HttpRequest request, int maxLines, CancellationToken cancellationToken)
    {
        bool isNdJson = MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) && type.MediaType.Equals(ContentType, StringComparison.OrdinalIgnoreCase);
        if (!isNdJson)
        {
            throw new BadHttpRequestException($"Content-Type is '{request.ContentType}'; send {ContentType}, a line for each task.", StatusCodes.Status415UnsupportedMediaType);
        }

        TaskRequestReader.RequirePlain(request);
        return Split(await TaskRequestReader.BytesAsync(request, cancellationToken), maxLines);
    }

    private static List<BatchLine> Split(ReadOnlyMemory<byte> body, int maxLines)
    {
        ReadOnlyMemory<byte> rest = TaskRequestReader.WithoutMark(body);
        List<BatchLine> lines = [];
        for (int number = 1; rest.Length > 0; number++)
        {
            int end = rest.Span.IndexOf((byte)'\n');
            ReadOnlyMemory<byte> line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (line.Span.IndexOfAnyExcept(" \t\r"u8) >= 0)
            {
                lines.Add(new BatchLine(number, line));
            }

            if (lines.Count > maxLines)
            {
                throw new BadHttpRequestException($"The body has more than {maxLines} lines; send it in parts. Nothing was enqueued.", StatusCodes.Status413PayloadTooLarge);
            }
        }

        return lines.Count > 0 ? lines : throw new BadHttpRequestException("The body is empty: each line is a task, {\"type\":…,\"payload\":…}.");
    }
}
