using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace WorkQueue.Board.Calls;

/// <summary>
/// Ids in paths, exactly as they were meant. The server undoes the encoding of a path except for %2F, so that an id with a slash and an id
/// with a literal "%2F" look the same in a route value: both are taken from the path as it was sent.
/// </summary>
internal static class RouteIds
{
    /// <summary>Middleware, after routing.</summary>
    public static Task DecodeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint() is RouteEndpoint { RoutePattern: { Parameters.Count: > 0 } pattern })
        {
            Decode(context, pattern);
        }

        return next(context);
    }

    private static void Decode(HttpContext context, RoutePattern pattern)
    {
        string[] sent = SegmentsOf(context.Features.Get<IHttpRequestFeature>()?.RawTarget);
        string[] seen = context.Request.Path.Value?.Split('/') ?? [];
        // The path base may have been sent, or told by a proxy. What is seen was unescaped once, all but slashes.
        int first = sent.Length - seen.Length + 1;
        // Where the server has taken out dots ("/./") nothing tells which is which.
        if (first < 1 || !seen.Skip(1).Zip(sent.Skip(first), (one, other) => Uri.UnescapeDataString(one) == Uri.UnescapeDataString(Uri.UnescapeDataString(other))).All(same => same))
        {
            return;
        }

        for (int index = 0; index < pattern.PathSegments.Count && first + index < sent.Length; index++)
        {
            bool isCoded = sent[first + index].Contains("%2F", StringComparison.OrdinalIgnoreCase) || sent[first + index].Contains("%25", StringComparison.Ordinal);
            if (isCoded && pattern.PathSegments[index] is { IsSimple: true, Parts: [RoutePatternParameterPart { IsCatchAll: false } parameter] })
            {
                context.Request.RouteValues[parameter.Name] = Uri.UnescapeDataString(sent[first + index]);
            }
        }
    }

    // Absolute where a proxy is spoken to: http://host/path?query.
    private static string[] SegmentsOf(string? target)
    {
        string path = target?.Split('?', 2)[0] ?? "";
        int host = path.StartsWith('/') ? -1 : path.IndexOf("://", StringComparison.Ordinal);
        int slash = host < 0 ? 0 : path.IndexOf('/', host + 3);
        return slash < 0 ? [] : path[slash..].Split('/');
    }
}
