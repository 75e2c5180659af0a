namespace WorkQueue.Messaging.Topology;

/// <summary>The queue by which one program leads, and the log of what it has decided.</summary>
internal sealed class LeaderTopology(string prefix)
{
    private const long LogSegmentBytes = 10_000_000;

    // What matters of it is written anew long before so much has come after it.
    private const long LogMaxBytes = 500_000_000;

    /// <summary>What the leader is asked to do. Whoever is its active consumer leads.</summary>
    public string Queue { get; } = $"{prefix}.leader";

    /// <summary>The stream of what was decided; only the leader writes it.</summary>
    public string Log { get; } = $"{prefix}.leader.log";

    public IReadOnlyDictionary<string, object?> QueueArguments { get; } = new Dictionary<string, object?>(TaskQueue.DeadArguments)
    {
        ["x-single-active-consumer"] = true,
    };

    public IReadOnlyDictionary<string, object?> LogArguments { get; } = new Dictionary<string, object?>
    {
        ["x-queue-type"] = "stream",
        ["x-max-length-bytes"] = LogMaxBytes,
        ["x-stream-max-segment-size-bytes"] = LogSegmentBytes,
    };
}
