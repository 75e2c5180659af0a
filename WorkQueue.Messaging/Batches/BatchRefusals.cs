namespace WorkQueue.Messaging.Batches;

/// <summary>Why something cannot be done, on its way from the leader to who has asked.</summary>
internal static class BatchRefusals
{
    private const char End = '\n';

    public static string Unknown(string id) => Write(BatchRefusal.Unknown, $"There is no batch '{id}', or none any more.");

    public static string Write(BatchRefusal reason, string text) => $"{reason}{End}{text}";

    /// <summary>And back.</summary>
    public static BatchRefusedException Read(string refusal) => refusal.Split(End, 2) is [{ } first, { } text] && Enum.TryParse(first, out BatchRefusal reason)
        ? new BatchRefusedException(reason, text)
        : new BatchRefusedException(BatchRefusal.NotPossible, refusal);
}
