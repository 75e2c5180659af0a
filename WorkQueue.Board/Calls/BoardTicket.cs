using System.Globalization;

namespace WorkQueue.Board.Calls;

/// <summary>
/// A browser gives the API key once and keeps a ticket: the moment it ends, signed with the key. The same for every replica and after a restart; it ends
/// with the key.
/// </summary>
internal static class BoardTicket
{
    public const string SignInPath = "sign-in";
    private const string Cookie = "wq-session";
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(14);

    /// <summary>Whether the request comes from a browser that has given a key that is still valid.</summary>
    public static bool IsSignedIn(HttpContext context)
    {
        ApiKeys keys = context.RequestServices.GetRequiredService<ApiKeys>();
        return keys.Required
            && context.Request.Cookies[Cookie]?.Split('.') is [string end, string signature]
            && long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
            && seconds > Now(context).ToUnixTimeSeconds()
            && keys.HasSigned(end, signature);
    }

    /// <summary>Gives a browser a ticket for a key.</summary>
    /// <returns>False when the key is none of ours.</returns>
    public static bool TryGive(HttpContext context, string key)
    {
        string end = (Now(context) + Lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        if (context.RequestServices.GetRequiredService<ApiKeys>().Sign(key, end) is not { } signature)
        {
            return false;
        }

        context.Response.Cookies.Append(Cookie, $"{end}.{signature}", new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = context.Request.IsHttps,
            IsEssential = true,
            MaxAge = Lifetime,
            Path = "/",
        });
        return true;
    }

    public static void TakeBack(HttpContext context) => context.Response.Cookies.Delete(Cookie);

    /// <summary>Answers a request for a page without a ticket.</summary>
    public static Task AskAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        bool isView = HttpMethods.IsGet(request.Method) && !request.Headers.ContainsKey("X-Fragment") && !request.Headers.Accept.Contains("text/event-stream");
        if (!isView)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        string page = request.PathBase.Add(request.Path) + request.QueryString.ToString();
        context.Response.Redirect($"{MountPoint.Of(context)}{SignInPath}?return={Uri.EscapeDataString(page)}");
        return Task.CompletedTask;
    }

    private static DateTimeOffset Now(HttpContext context) => context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
}
