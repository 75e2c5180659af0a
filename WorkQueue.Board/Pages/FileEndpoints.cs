using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.ReadModel;

namespace WorkQueue.Board.Pages;

/// <summary>The file that a task has made.</summary>
internal static class FileEndpoints
{
    public static void MapFile(this IEndpointRouteBuilder board) => board.MapGet(BoardUrl.File, ServeAsync);

    private static async Task<IResult> ServeAsync(HttpContext context, string? id, TaskReader reader, TaskLookup lookup, ResultFiles files, CancellationToken cancellationToken)
    {
        TaskDetail detail = await reader.ReadAsync(id ?? "", cancellationToken) ?? throw lookup.Unknown(id ?? "");
        ResultFile file = files.Of(detail)
            ?? throw new BadHttpRequestException($"Task '{id}' has made no file that is here; its worker may have written it on another machine.", StatusCodes.Status404NotFound);
        // Whatever is in it can do nothing, even where a browser takes it for a page.
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        return Results.File(file.Path, file.ContentType, file.IsPicture ? null : file.Name, enableRangeProcessing: true);
    }
}
