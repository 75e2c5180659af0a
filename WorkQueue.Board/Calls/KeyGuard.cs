using System.Globalization;
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
        endpoint.RequestDelegate = context => EnterAsync(context, call, isPage);
    }

    private static Task EnterAsync(HttpContext context, RequestDelegate call, bool isPage)
    {
        ApiKeys keys = context.RequestServices.GetRequiredService<ApiKeys>();
        if (!keys.Required)
        {
            return call(context);
        }

        FailedKeys failed = context.RequestServices.GetRequiredService<FailedKeys>();
        string authorization = context.Request.Headers.Authorization.ToString();
        // Of another scheme it is for a proxy before this program.
        bool isKey = authorization.StartsWith(ApiKeys.Scheme, StringComparison.OrdinalIgnoreCase);
        ApiKey? sent = keys.Of(authorization);
        if (isKey && failed.IsShut(context, sent))
        {
            return RefuseLongAsync(context);
        }

        if ((sent ?? TicketOf(context, isPage)) is { } key)
        {
            failed.Welcome(context, key);
            context.Features.Set(new Caller(key.Name, key.Scope));
            // A page says it as a page.
            return !isPage && Caller.Refusal(context) is { } refusal ? RefuseAsync(context, refusal) : call(context);
        }

        if (isKey)
        {
            failed.Count(context);
        }

        return isPage ? BoardTicket.AskAsync(context) : AskAsync(context);
    }

    // The ticket opens any page of the board, whose forms are protected by themselves, and of the API what changes nothing. Pages of other sites never
    // send it, but those of other ports of this host would.
    private static ApiKey? TicketOf(HttpContext context, bool isPage) =>
        isPage || HttpMethods.IsGet(context.Request.Method) ? BoardTicket.KeyOf(context) : null;

    private static Task AskAsync(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Results.Problem(
            statusCode: StatusCodes.Status401Unauthorized, title: "A key is needed", detail: "Send the header 'Authorization: Bearer <key>' with a key from WorkQueue:ApiKeys.")
            .ExecuteAsync(context);
    }

    private static Task RefuseAsync(HttpContext context, string refusal) =>
        Results.Problem(statusCode: StatusCodes.Status403Forbidden, title: "Not for this key", detail: refusal).ExecuteAsync(context);

    private static Task RefuseLongAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = FailedKeys.Window.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        return Results.Problem(
            statusCode: StatusCodes.Status429TooManyRequests, title: "Too many wrong keys", detail: $"This address has sent {FailedKeys.Most} wrong keys within a minute; no key is looked at that comes from there for the first time until that is over.")
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
