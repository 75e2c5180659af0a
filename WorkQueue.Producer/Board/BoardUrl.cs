using WorkQueue.Messaging;
using WorkQueue.Producer.History;

namespace WorkQueue.Producer.Board;

/// <summary>Addresses of pages.</summary>
internal static class BoardUrl
{
    public const string Tasks = "/board/tasks";
    public const string Letters = "/board/dead-letters";
    public const string Queues = "/board/queues";
    public const string Workers = "/board/workers";
    public const string New = "/board/new";

    public const string Bulk = "/board/bulk";

    /// <summary>A task's page. An id may be any text, also one that a path cannot hold.</summary>
    public static string Task(string id) => id is "." or ".." or "by-id" || id.Contains('/', StringComparison.Ordinal)
        ? With($"{Tasks}/by-id", ("id", id))
        : $"{Tasks}/{Uri.EscapeDataString(id)}";

    public static string InState(TaskState state) => With(Tasks, ("state", state.ToText()));

    /// <summary>An address with those values that are there.</summary>
    public static string With(string path, params (string Name, string? Value)[] values)
    {
        string query = string.Join('&', values.Where(value => !string.IsNullOrEmpty(value.Value)).Select(value => $"{value.Name}={Uri.EscapeDataString(value.Value!)}"));
        return query.Length == 0 ? path : $"{path}?{query}";
    }

    /// <summary>Where this service is, as the browser calls it.</summary>
    public static string Base(HttpRequest request) => $"{request.Scheme}://{request.Host}";
}
