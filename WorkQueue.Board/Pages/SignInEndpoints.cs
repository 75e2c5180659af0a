using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;

namespace WorkQueue.Board.Pages;

/// <summary>Where a browser gives the API key, where one is needed.</summary>
internal static class SignInEndpoints
{
    public static void MapSignIn(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardTicket.SignInPath, (HttpContext context, string? @return) =>
            Screen.Show<SignInScreen, SignInModel>(context, new SignInModel(LocalPath(context, @return), null))).WithMetadata(OpenToAll.Instance);
        board.MapPost(BoardTicket.SignInPath, (Func<HttpContext, Task<IResult>>)SignInAsync).WithMetadata(OpenToAll.Instance, new NeedsScope(ApiScope.Read));
        board.MapPost("sign-out", IResult (HttpContext context) =>
        {
            BoardTicket.TakeBack(context);
            return Results.LocalRedirect(BoardUrl.In(context, BoardTicket.SignInPath));
        }).WithMetadata(new NeedsScope(ApiScope.Read));
    }

    private static async Task<IResult> SignInAsync(HttpContext context)
    {
        IFormCollection form = await context.Request.ReadFormAsync(context.RequestAborted);
        string @return = LocalPath(context, form["return"]);
        return BoardTicket.Give(context, form["key"].ToString().Trim()) is { } refusal
            ? Screen.Show<SignInScreen, SignInModel>(context, new SignInModel(@return, refusal), StatusCodes.Status403Forbidden)
            : Results.LocalRedirect(@return);
    }

    // A link to the sign-in page must not lead to another site.
    private static string LocalPath(HttpContext context, string? path) =>
        path is ['/', ..] && !path.StartsWith("//", StringComparison.Ordinal) && !path.Contains('\\', StringComparison.Ordinal) && !path.Any(char.IsControl)
            ? path
            : MountPoint.Of(context);
}
