namespace WorkQueue.Board.Calls;

/// <summary>Where the application has mapped the API and the board, once all endpoints are built.</summary>
internal sealed class Mounts
{
    /// <summary>The API; null where it is not mapped.</summary>
    public Mount? Api { get; set; }

    /// <summary>The board, as often as it is mapped.</summary>
    public List<Mount> Boards { get; } = [];
}

/// <summary>A path under which calls or pages are mapped.</summary>
/// <param name="shortest">How many segments the shortest of them has below that path.</param>
internal sealed class Mount(int shortest)
{
    private int _segments = int.MaxValue;

    /// <summary>The path as it was mapped, without a slash at its end.</summary>
    public string Pattern { get; private set; } = "";

    /// <summary>Learns from an endpoint, whose pattern has the path and whatever groups are around it in front.</summary>
    public void Learn(RouteEndpointBuilder endpoint)
    {
        int segments = endpoint.RoutePattern.PathSegments.Count - shortest;
        if (segments < _segments)
        {
            _segments = segments;
            string[] words = endpoint.RoutePattern.RawText?.Split('/', StringSplitOptions.RemoveEmptyEntries) ?? [];
            Pattern = string.Concat(words.Take(segments).Select(word => "/" + word));
        }
    }

    /// <summary>The path by which this request has come, as a browser writes it: with the path base, and a slash at its end.</summary>
    public string PathOf(HttpRequest request)
    {
        string[] words = request.Path.ToUriComponent().Split('/', StringSplitOptions.RemoveEmptyEntries);
        return request.PathBase.ToUriComponent() + string.Concat(words.Take(_segments).Select(word => "/" + word)) + "/";
    }

    /// <summary>The whole address, without a slash at its end, as somebody who sees this request would write it.</summary>
    public string UrlFrom(HttpRequest request) => $"{request.Scheme}://{request.Host}{request.PathBase.ToUriComponent()}{Pattern}";
}

/// <summary>The path under which the call or page that is asked for is mapped.</summary>
/// <param name="Path">It, with the path base, and a slash at its end.</param>
internal sealed record MountPoint(string Path)
{
    public static string Of(HttpContext context) => context.Features.Get<MountPoint>()?.Path ?? "/";
}
