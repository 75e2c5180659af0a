using WorkQueue.Board.Calls;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>Addresses of pages, relative to where the board is mapped: every page says that in its <c>base</c>, so that it works under any path.</summary>
internal static class BoardUrl
{
    public const string Home = "./";
    public const string Live = "live";
    public const string Tasks = "tasks";
    public const string Letters = "dead-letters";
    public const string Queues = "queues";
    public const string Schedules = "schedules";
    public const string Batches = "batches";
    public const string Workers = "workers";
    public const string New = "new";

    public const string File = "file";
    public const string Bulk = "bulk";

    /// <summary>A task's page. An id may be any text, also one that a path cannot hold.</summary>
    public static string Task(string id) => id is "." or ".." or "by-id" || id.Contains('/', StringComparison.Ordinal)
        ? With($"{Tasks}/by-id", ("id", id))
        : $"{Tasks}/{Uri.EscapeDataString(id)}";

    /// <summary>A batch, in the list of all.</summary>
    public static string Batch(string id) => $"{Batches}#b-{Uri.EscapeDataString(id)}";

    public static string InState(TaskState state) => With(Tasks, ("state", state.ToText()));

    /// <summary>An address with those values that are there.</summary>
    public static string With(string path, params (string Name, string? Value)[] values)
    {
        string query = string.Join('&', values.Where(value => !string.IsNullOrEmpty(value.Value)).Select(value => $"{value.Name}={Uri.EscapeDataString(value.Value!)}"));
        return query.Length == 0 ? path : $"{path}?{query}";
    }

    /// <summary>The same with the path the board is mapped at, for an answer that is no page.</summary>
    public static string In(HttpContext context, string url) => MountPoint.Of(context) + url;

    /// <summary>Where the API is, as who sees the page would call it; null where the application has not mapped it.</summary>
    public static string? Api(HttpContext context) => context.RequestServices.GetRequiredService<Mounts>().Api?.UrlFrom(context.Request);
}
