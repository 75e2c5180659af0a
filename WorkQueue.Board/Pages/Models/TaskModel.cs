using WorkQueue.Board.ReadModel;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The page of a task.</summary>
/// <param name="Detail">The task.</param>
/// <param name="Chain">What is shown of its chain.</param>
/// <param name="Timeline">Its waits and runs.</param>
/// <param name="Payload">Its payload, for people.</param>
/// <param name="Result">What it returned, for people.</param>
/// <param name="Curl">A command that sends one like it.</param>
/// <param name="TraceUrl">Its trace in the dashboard.</param>
/// <param name="File">The file it has made.</param>
/// <param name="Edited">A payload that was edited and refused.</param>
/// <param name="EditError">Why.</param>
internal sealed record TaskModel(
    TaskDetail Detail, ChainWindow? Chain, Timeline? Timeline, string? Payload, string? Result, string? Curl, string? TraceUrl, ResultFile? File, string? Edited, string? EditError)
{
    /// <summary>Where it is told when the page changes: with its task, or with one of the chain's that are shown.</summary>
    public string LiveUrl => BoardUrl.With(BoardUrl.Live, [.. (Chain?.Steps.Select(step => step.Id) ?? [Detail.Task.Id]).Select(id => ("task", (string?)id))]);
}
