namespace WorkQueue.Board.Calls;

/// <summary>
/// Tells what callers send from what a page of another site has a browser send, by what browsers say of a request and no page can change. In Development no
/// key is asked for, and any page could send a plain text task; elsewhere a browser sends along by itself what an application may know its users by. It
/// needs no token in forms, and so nothing that several producers would have to share.
/// </summary>
/// <remarks>Fetch Metadata: https://www.w3.org/TR/fetch-metadata/; what to do without it: the OWASP Cross-Site Request Forgery Prevention Cheat Sheet.</remarks>
internal static class OtherSite
{
    /// <summary>A page of another origin has had a browser send this, to change something.</summary>
    public static bool Sent(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            return false;
        }

        if (request.Headers["Sec-Fetch-Site"].ToString() is { Length: > 0 } site)
        {
            return site is not ("same-origin" or "none");
        }

        // By plain http to another machine browsers say their origin alone. What says neither is no browser, and has nobody's ticket.
        return request.Headers.Origin.ToString() is { Length: > 0 } origin && !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? from) && string.Equals(from.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }
}
