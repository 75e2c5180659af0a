namespace WorkQueue.Board.Api;

/// <summary>A part of a list.</summary>
/// <param name="Items">The rows.</param>
/// <param name="Next">The cursor of the next part, or null.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? Next);
