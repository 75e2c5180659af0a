using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>
/// The files that tasks have made and that their results name, <c>{"file":"report.pdf"}</c>. A result is what some worker sent: a name in it counts only
/// if it is that of a plain file of the one folder, of a kind that a browser may be shown.
/// </summary>
internal sealed class ResultFiles(IOptions<TaskBoardOptions> options, IConfiguration configuration, IHostEnvironment environment)
{
    private static readonly Dictionary<string, string> Kinds = new(StringComparer.OrdinalIgnoreCase)
    {
        [".pdf"] = "application/pdf",
        [".jpg"] = "image/jpeg",
        [".png"] = "image/png",
        [".webp"] = "image/webp",
        [".avif"] = "image/avif",
    };

    private readonly string? _folder = (options.Value.Files ?? configuration["WorkQueue:Output"]) is { Length: > 0 } folder
        ? Path.GetFullPath(folder, environment.ContentRootPath)
        : null;

    /// <summary>The file of a task; null when its result names none, or none that is there.</summary>
    public ResultFile? Of(TaskDetail detail)
    {
        if (_folder is null || detail.Task.State != TaskState.Succeeded || detail.Result is not { } result || NameIn(result) is not { } name || !Kinds.TryGetValue(Path.GetExtension(name), out string? kind))
        {
            return null;
        }

        FileInfo file = new(Path.Combine(_folder, name));
        // A pipe or a device has no length; opening it could wait for ever.
        bool isPlain = file.Exists && !file.Attributes.HasFlag(FileAttributes.ReparsePoint) && file.Length > 0;
        return isPlain ? new ResultFile(name, file.FullName, kind) : null;
    }

    private static string? NameIn(ReadOnlyMemory<byte> result) =>
        PayloadText.JsonOf(result) is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty("file", out JsonElement file) && file.ValueKind == JsonValueKind.String
            && file.GetString() is { } name && IsPlain(name) ? name : null;

    private static bool IsPlain(string name) => name.Length > 0 && name[0] != '.' && !name.AsSpan().ContainsAny("/\\:") && !name.Any(char.IsControl);
}

/// <summary>A file that a task has made.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Path">Where it is.</param>
/// <param name="ContentType">What it is.</param>
internal sealed record ResultFile(string Name, string Path, string ContentType)
{
    public bool IsPicture => ContentType.StartsWith("image/", StringComparison.Ordinal);
}
