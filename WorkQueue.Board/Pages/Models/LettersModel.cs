using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The dead letters.</summary>
/// <param name="Filter">Which ones.</param>
/// <param name="Groups">Groups of them, where all are shown.</param>
/// <param name="Letters">The letters, where one group is shown, or where the history cannot tell of groups.</param>
/// <param name="Next">The address of the next page.</param>
/// <param name="Note">In what the letters may be incomplete.</param>
/// <param name="OnBroker">How many there are in all.</param>
/// <param name="Work">What is under way.</param>
/// <param name="ApiUrl">Where the API is; null where it is not mapped.</param>
internal sealed record LettersModel(
    LetterFilter Filter, IReadOnlyList<DeadGroup> Groups, IReadOnlyList<DeadLetter>? Letters, string? Next, string? Note, long OnBroker, IReadOnlyList<WorkItem> Work, string? ApiUrl);
