using System.Globalization;
using WorkQueue.Producer.Board.Screens;

namespace WorkQueue.Producer.Board;

/// <summary>
/// Outside Development a browser gives the API key once and keeps a ticket: the moment it ends, signed with the key. The same for every
/// replica and after a restart; it ends with the key.
/// </summary>
internal static class BoardSession
{
    private const string Cookie = "wq-session";
    private const string SignInPath = "/board/sign-in";
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(14);

    public static void MapSession(this IEndpointRouteBuilder board)
    {
        board.MapGet(SignInPath, (HttpContext context, string? @return) =>
            Screen.Show<SignInScreen, SignInModel>(context, new SignInModel(LocalPath(@return), null)));
        board.MapPost(SignInPath, SignInAsync);
        board.MapPost("/board/sign-out", (HttpContext context) =>
        {
            context.Response.Cookies.Delete(Cookie);
            return Results.LocalRedirect(SignInPath);
        });
    }

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

    /// <summary>
    /// Whether the ticket opens this request: any page of the board, whose forms are protected by themselves, and of the API what changes
    /// nothing. Pages of other sites never send it, but those of other ports of this host would.
    /// </summary>
    public static bool Opens(HttpContext context) =>
        (IsPage(context.Request) || HttpMethods.IsGet(context.Request.Method)) && IsSignedIn(context);

    /// <summary>What a browser may have before it gives a key.</summary>
    public static bool IsOpen(HttpRequest request) => request.Path == SignInPath || request.Path.StartsWithSegments(BoardAssets.Path);

    public static bool IsPage(HttpRequest request) => request.Path == "/" || request.Path.StartsWithSegments("/board");

    /// <summary>Answers a request for a page without a ticket.</summary>
    public static Task AskAsync(HttpContext context)
    {
        bool isView = HttpMethods.IsGet(context.Request.Method) && !context.Request.Headers.ContainsKey("X-Fragment") && !context.Request.Headers.Accept.Contains("text/event-stream");
        if (!isView)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        context.Response.Redirect($"{SignInPath}?return={Uri.EscapeDataString(context.Request.Path + context.Request.QueryString)}");
        return Task.CompletedTask;
    }

    private static async Task<IResult> SignInAsync(HttpContext context, ApiKeys keys)
    {
        IFormCollection form = await context.Request.ReadFormAsync(context.RequestAborted);
        string @return = LocalPath(form["return"]);
        string end = (Now(context) + Lifetime).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        if (keys.Sign(form["key"].ToString().Trim(), end) is not { } signature)
        {
            SignInModel again = new(@return, "This is none of the keys in WorkQueue:ApiKeys.");
            return Screen.Show<SignInScreen, SignInModel>(context, again, StatusCodes.Status403Forbidden);
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
        return Results.LocalRedirect(@return);
    }

    // A link to the sign-in page must not lead to another site.
    private static string LocalPath(string? path) =>
        path is ['/', ..] && !path.StartsWith("//", StringComparison.Ordinal) && !path.Contains('\\', StringComparison.Ordinal) && !path.Any(char.IsControl) ? path : "/";

    private static DateTimeOffset Now(HttpContext context) => context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
}

/// <summary>The page that asks for the key.</summary>
/// <param name="Return">Where to go then.</param>
/// <param name="Error">What was wrong with the last one.</param>
internal sealed record SignInModel(string Return, string? Error);
