using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The list of tasks.</summary>
internal sealed record TasksModel(
    TaskFilter Filter, TaskPage Page, bool IsLater, IReadOnlyDictionary<TaskState, long> Counts, IReadOnlyList<string> Types, IReadOnlyList<string> Queues,
    IReadOnlyList<WorkItem> Work, string? ApiUrl);

/// <summary>A question before much is done.</summary>
internal sealed record ConfirmModel
{
    public required string Title { get; init; }

    public required string Text { get; init; }

    /// <summary>How many it concerns.</summary>
    public required int Count { get; init; }

    /// <summary>There are more, which are left for the next time.</summary>
    public bool IsCapped { get; init; }

    public required string Action { get; init; }

    public required string Verb { get; init; }

    public bool IsDangerous { get; init; }

    /// <summary>Whether it can be done slowly.</summary>
    public bool HasRate { get; init; }

    public required IReadOnlyList<(string Name, string? Value)> Values { get; init; }

    public required string Back { get; init; }
}
