namespace WorkQueue.Producer.History;

/// <summary>What of the history's settings decides about the API's answers.</summary>
/// <param name="Mode"><c>all</c>, <c>failures</c> or <c>off</c>.</param>
/// <param name="KeepsPayloads">Whether payloads are in it.</param>
internal sealed record HistorySettings(string Mode, bool KeepsPayloads)
{
    public const string OffDetail = "This service keeps no history of tasks (WorkQueue:History is off), so tasks can be neither listed nor looked up.";

    public bool IsOff => Mode == "off";

    public bool OnlyFailures => Mode == "failures";
}
