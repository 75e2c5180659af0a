namespace WorkQueue.Messaging.Connections;

/// <summary>
/// What a process's two connections are for. An alarm blocks whatever publishes on a connection and stalls all else on it, so
/// that acknowledgements and publishes do not share one.
/// </summary>
internal static class ConnectionPurpose
{
    public const string Publish = "publishing";
    public const string Consume = "consuming";
}
