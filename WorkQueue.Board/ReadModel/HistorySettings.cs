using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>What of the history's settings decides about the API's answers.</summary>
internal sealed class HistorySettings(IOptions<WorkQueueOptions> options)
{
    public const string OffDetail = "This service keeps no history of tasks (WorkQueue:History is off), so tasks can be neither listed nor looked up.";

    public bool IsOff => options.Value.History == HistoryMode.Off;

    public bool OnlyFailures => options.Value.History == HistoryMode.Failures;

    /// <summary><c>all</c>, <c>failures</c> or <c>off</c>.</summary>
    public string Mode => options.Value.History.ToString().ToLowerInvariant();

    /// <summary>Whether payloads are in it.</summary>
    public bool KeepsPayloads => options.Value.HistoryPayloads;
}
