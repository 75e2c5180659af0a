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

    /// <summary>The key that a browser has given; null for none, or one that is no longer ours.</summary>
    public static ApiKey? KeyOf(HttpContext context)
    {
        ApiKeys keys = context.RequestServices.GetRequiredService<ApiKeys>();
        return keys.Required
            && context.Request.Cookies[Cookie]?.Split('.') is [string end, string signature]
            && long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
            && seconds > Now(context).ToUnixTimeSeconds() ? keys.SignerOf(end, signature) : null;
    }

    /// <summary>Gives a browser a ticket for a key.</summary>
    /// <returns>Why not; null when it has one.</returns>
    public static string? Give(HttpContext context, string text)
    {
        FailedKeys failed = context.RequestServices.GetRequiredService<FailedKeys>();
        ApiKey? found = context.RequestServices.GetRequiredService<ApiKeys>().Find(text);
        if (failed.IsShut(context, found))
        {
            return "Too many wrong keys were given from this address; wait a minute.";
        }

        if (found is not { } key)
        {
            failed.Count(context);
            return "This is none of the keys in WorkQueue:ApiKeys.";
        }

        if (!key.Scope.HasFlag(ApiScope.Read))
        {
            return $"The key '{key.Name}' is not for looking: give one with the scope read.";
        }

        failed.Welcome(context, key);
        string end = (Now(context) + Lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        string signature = ApiKeys.Sign(key, end);
        context.Response.Cookies.Append(Cookie, $"{end}.{signature}", new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = context.Request.IsHttps,
            IsEssential = true,
            MaxAge = Lifetime,
            Path = "/",
        });
        return null;
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
