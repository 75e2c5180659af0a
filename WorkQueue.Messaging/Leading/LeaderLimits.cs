namespace WorkQueue.Messaging.Leading;

/// <summary>After how much all that matters is written anew: the log may drop what is older.</summary>
/// <param name="Entries">Entries.</param>
/// <param name="Bytes">Their bytes.</param>
internal sealed record LeaderLimits(long Entries = 10_000, long Bytes = 20_000_000)
{
    public bool AreOver((long Entries, long Bytes) written) => written.Entries > Entries || written.Bytes > Bytes;
}
