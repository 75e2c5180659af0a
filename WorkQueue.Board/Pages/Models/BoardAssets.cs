using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;
using WorkQueue.Board.Calls;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The script and the stylesheet, from the program itself: found wherever it is started, and never of another version.</summary>
internal static class BoardAssets
{
    private const string Path = "assets";

    private static readonly Asset Style = Asset.Load("board.css", "text/css; charset=utf-8");
    private static readonly Asset Script = Asset.Load("board.js", "text/javascript; charset=utf-8");

    public static string StyleUrl => Style.Url;

    public static string ScriptUrl => Script.Url;

    public static void MapAssets(this IEndpointRouteBuilder board)
    {
        board.MapGet($"{Path}/board.css", (HttpContext context) => Serve(context, Style)).WithMetadata(OpenToAll.Instance);
        board.MapGet($"{Path}/board.js", (HttpContext context) => Serve(context, Script)).WithMetadata(OpenToAll.Instance);
    }

    // The address has the content's hash: a browser may keep it for as long as it likes.
    private static IResult Serve(HttpContext context, Asset asset)
    {
        bool isExact = context.Request.Query["v"] == asset.Hash;
        context.Response.Headers.CacheControl = isExact ? "public, max-age=31536000, immutable" : "no-cache";
        return Results.Bytes(asset.Content, asset.ContentType, entityTag: new EntityTagHeaderValue($"\"{asset.Hash}\""));
    }

    private sealed record Asset(string Name, string ContentType, byte[] Content, string Hash)
    {
        public string Url => $"{Path}/{Name}?v={Hash}";

        public static Asset Load(string name, string contentType)
        {
            using Stream file = typeof(BoardAssets).Assembly.GetManifestResourceStream(name)
                ?? throw new InvalidOperationException($"{name} is not in the program.");
            byte[] content = new byte[file.Length];
            file.ReadExactly(content);
            return new Asset(name, contentType, content, Convert.ToHexStringLower(SHA256.HashData(content))[..16]);
        }
    }
}
