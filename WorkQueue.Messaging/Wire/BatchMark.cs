using System.Globalization;

namespace WorkQueue.Messaging.Wire;

/// <summary>By what a message says which member of which batch it is: the batch's end of the header <c>wq-end-told</c>.</summary>
internal static class BatchMark
{
    /// <summary>Before the colon.</summary>
    public const string Prefix = "batch";

    public static string Write(BatchMember member) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}:{member.BatchId}:{member.Number}");

    /// <summary>Null for what says nothing of a batch.</summary>
    public static BatchMember? Read(string? endTold) => endTold?.Split(':', 2) is [Prefix, { } name] ? ReadName(name) : null;

    /// <summary>What comes after the colon.</summary>
    public static BatchMember? ReadName(string name) =>
        name.Split(':') is [{ Length: > 0 } batch, { } text] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? new BatchMember(batch, number) : null;
}
