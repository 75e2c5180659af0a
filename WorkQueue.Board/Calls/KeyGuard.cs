using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OutputCaching;

namespace WorkQueue.Board.Calls;

/// <summary>Asks for a key where the application asks for nothing itself.</summary>
internal static class KeyGuard
{
    /// <summary>Protects a call or a page, unless the application has decided who may use it.</summary>
    public static void Protect(EndpointBuilder endpoint, bool isPage)
    {
        // A cache of the application cannot see who has given a key.
        endpoint.Metadata.Add(new OutputCacheAttribute { NoStore = true });
        if (endpoint.Metadata.Any(item => item is IAuthorizeData or AuthorizationPolicy or IAllowAnonymous or OpenToAll))
        {
            return;
        }

        endpoint.Metadata.Add(NeedsKey.Instance);
        RequestDelegate call = endpoint.RequestDelegate!;
        endpoint.RequestDelegate = context => IsAllowed(context, isPage) ? call(context) : RefuseAsync(context, isPage);
    }

    // The ticket opens any page of the board, whose forms are protected by themselves, and of the API what changes nothing. Pages of other sites never
    // send it, but those of other ports of this host would.
    private static bool IsAllowed(HttpContext context, bool isPage)
    {
        ApiKeys keys = context.RequestServices.GetRequiredService<ApiKeys>();
        return !keys.Required
            || keys.Accepts(context.Request.Headers.Authorization.ToString())
            || ((isPage || HttpMethods.IsGet(context.Request.Method)) && BoardTicket.IsSignedIn(context));
    }

    private static Task RefuseAsync(HttpContext context, bool isPage)
    {
        if (isPage)
        {
            return BoardTicket.AskAsync(context);
        }

        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Results.Problem(
            statusCode: StatusCodes.Status401Unauthorized, title: "A key is needed", detail: "Send the header 'Authorization: Bearer <key>' with a key from WorkQueue:ApiKeys.")
            .ExecuteAsync(context);
    }
}

/// <summary>Says of an endpoint that it asks for a key outside Development.</summary>
internal sealed class NeedsKey
{
    public static readonly NeedsKey Instance = new();
}

/// <summary>Says of an endpoint that a browser may have it before it gives a key.</summary>
internal sealed class OpenToAll
{
    public static readonly OpenToAll Instance = new();
}
