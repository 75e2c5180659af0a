using WorkQueue.Board.Api;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>Which tasks a list shows, as its address says: the same for the list, its pages and what is done with all of them.</summary>
internal sealed record TaskFilter(IReadOnlySet<TaskState>? States, string? Type, string? Queue, string? Search)
{
    // Fits into one go of cancel or redrive; more are left for the next.
    public const int MostAtOnce = 10_000;
    private const int PageSize = 500;

    public bool IsEmpty => this is { States: null, Type: null, Queue: null, Search: null };

    /// <summary>The states, as addresses say them.</summary>
    public string? StateText => States is null ? null : string.Join(',', States.Select(state => state.ToText()));

    /// <summary>The values an address or a form needs to say the same.</summary>
    public (string Name, string? Value)[] Values => [("q", Search), ("state", StateText), ("type", Type), ("queue", Queue)];

    /// <exception cref="BadHttpRequestException">A value is none.</exception>
    public static TaskFilter Read(Func<string, string?> value) =>
        new(QueryValues.States(Text(value("state"))), Text(value("type")), Text(value("queue")), Text(value("q")));

    public string Url(TaskCursor? before = null) => BoardUrl.With(BoardUrl.Tasks, [.. Values, ("cursor", before?.ToString())]);

    public string UrlIn(TaskState? state) => (this with { States = state is null ? null : new HashSet<TaskState> { state.Value } }).Url();

    public TaskQuery ToQuery(TaskCursor? before, int limit) => new() { States = States, Type = Type, Queue = Queue, Search = Search, Before = before, Limit = limit };

    /// <summary>All that fit and that something can be done with, at most <see cref="MostAtOnce"/>.</summary>
    public IReadOnlyList<TaskView> Collect(TaskProjection projection, Func<TaskView, bool> concerns)
    {
        List<TaskView> found = [];
        TaskCursor? before = null;
        do
        {
            TaskPage page = projection.List(ToQuery(before, PageSize));
            found.AddRange(page.Items.Where(concerns));
            before = page.Next;
        }
        while (before is not null && found.Count < MostAtOnce);
        return found.Count > MostAtOnce ? found.GetRange(0, MostAtOnce) : found;
    }

    /// <summary>What it says, for people.</summary>
    public override string ToString()
    {
        string?[] parts =
        [
            States is null ? null : string.Join(" or ", States.Select(Words.State)),
            Type is null ? null : $"of type {Type}",
            Queue is null ? null : $"in queue {Queue}",
            Search is null ? null : $"with “{Search}”",
        ];
        return string.Join(", ", parts.Where(part => part is not null));
    }

    private static string? Text(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
