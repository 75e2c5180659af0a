namespace WorkQueue.Messaging;

/// <summary>The broker is away; nothing was changed.</summary>
public sealed class BrokerUnavailableException : Exception
{
    internal BrokerUnavailableException(string problem, Exception? innerException = null)
        : base($"The broker is not available: {problem}.", innerException)
    {
    }
}
