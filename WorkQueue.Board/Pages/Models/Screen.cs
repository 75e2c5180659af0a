using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;
using WorkQueue.Board.Calls;

namespace WorkQueue.Board.Pages.Models;

/// <summary>
/// A page. What it shows is put together by its endpoint and comes to it with the request: Razor makes components public, so that a
/// parameter could not be of a type that is not.
/// </summary>
public abstract class Screen : ComponentBase
{
    /// <summary>The request that is answered.</summary>
    [CascadingParameter]
    public HttpContext Http { get; set; } = default!;

    internal T Read<T>()
        where T : class => Http.Features.Get<T>()!;

    /// <summary>Answers a request with a page.</summary>
    internal static IResult Show<TScreen, TModel>(HttpContext context, TModel model, int status = StatusCodes.Status200OK)
        where TScreen : Screen
        where TModel : class
    {
        context.Features.Set(model);
        context.Features.Set(Shell.Of(context));
        return new RazorComponentResult<TScreen> { StatusCode = status, PreventStreamingRendering = true };
    }
}

/// <summary>What every page has around it.</summary>
/// <param name="Flash">What the last action did.</param>
/// <param name="IsFragment">Only the main part is asked for, by the script of a page that is open.</param>
/// <param name="MaySignOut">Somebody is signed in.</param>
/// <param name="Root">Where the board is mapped.</param>
/// <param name="Here">This page, for links to places in it: relative ones would lead to the board's root.</param>
internal sealed record Shell(Flash? Flash, bool IsFragment, bool MaySignOut, string Root, string Here)
{
    private const string FragmentHeader = "X-Fragment";

    public static Shell Of(HttpContext context)
    {
        bool isFragment = context.Request.Headers.ContainsKey(FragmentHeader);
        HttpRequest request = context.Request;
        // Of several slashes at its beginning one is left: two would begin the name of another host.
        string here = "/" + request.PathBase.Add(request.Path).ToUriComponent().TrimStart('/') + request.QueryString.ToUriComponent();
        return new Shell(isFragment ? null : Flash.Take(context), isFragment, BoardTicket.KeyOf(context) is not null, MountPoint.Of(context), here);
    }
}

/// <summary>One line about what an action did, shown once on the page that follows.</summary>
internal sealed record Flash(bool IsError, string Text)
{
    private const string Cookie = "wq-flash";
    private const int MaxLength = 500;

    /// <summary>Sends the browser to a page that will show it.</summary>
    public IResult Then(HttpContext context, string url)
    {
        context.Response.Cookies.Append(Cookie, $"{(IsError ? '!' : '+')}{Uri.EscapeDataString(Words.Short(Text, MaxLength))}", Options(context));
        return Results.LocalRedirect(BoardUrl.In(context, url));
    }

    public static Flash? Take(HttpContext context)
    {
        if (context.Request.Cookies[Cookie] is not { Length: > 1 } value)
        {
            return null;
        }

        context.Response.Cookies.Delete(Cookie, Options(context));
        return new Flash(value[0] == '!', Uri.UnescapeDataString(value[1..]));
    }

    private static CookieOptions Options(HttpContext context) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, IsEssential = true, Path = "/" };
}
