namespace WorkQueue.Messaging;

/// <summary>
/// An exchange or queue exists on the broker with other properties than the settings ask for. The program stops: a queue is never
/// deleted or changed by itself.
/// </summary>
public sealed class TopologyMismatchException : Exception
{
    internal TopologyMismatchException(string what, string brokerText, Exception cause)
        : base(
            $"The {what} exists with other properties than the settings ask for. The broker says: {brokerText}. "
            + "Set the old value again, or move its messages and delete it; a queue's type and arguments cannot be changed in place.",
            cause)
    {
    }
}
