namespace WorkQueue.Messaging.Topology;

/// <summary>The streams: what happened to tasks, and what workers were told.</summary>
internal sealed class HistoryTopology(string prefix, WorkQueueOptions options)
{
    // Retention drops whole segments.
    private const long HistorySegmentBytes = 50_000_000;
    private const long ControlSegmentBytes = 5_000_000;

    internal const long ControlMaxBytes = 200_000_000;

    public HistoryMode Mode { get; } = options.History;

    /// <summary>The message that moves a task is itself the record: the stream is bound beside the queues.</summary>
    public bool ByRouting { get; } = options.HistoryPayloads;

    /// <summary>The stream of what happened.</summary>
    public string Stream { get; } = $"{prefix}.history";

    /// <summary>Fanout exchange of what workers are told.</summary>
    public string ControlExchange { get; } = $"{prefix}.control";

    /// <summary>The stream of what workers were told: one that starts later reads it first.</summary>
    public string ControlStream { get; } = $"{prefix}.control.log";

    public IReadOnlyDictionary<string, object?> StreamArguments { get; } = Arguments(options.HistoryRetention, options.HistoryMaxBytes, HistorySegmentBytes);

    public IReadOnlyDictionary<string, object?> ControlArguments { get; } = Arguments(options.HistoryRetention, ControlMaxBytes, ControlSegmentBytes);

    private static Dictionary<string, object?> Arguments(TimeSpan retention, long maxBytes, long segmentBytes) => new()
    {
        ["x-queue-type"] = "stream",
        ["x-max-age"] = $"{(long)retention.TotalSeconds}s",
        ["x-max-length-bytes"] = maxBytes,
        ["x-stream-max-segment-size-bytes"] = segmentBytes,
    };
}
