namespace WorkQueue.Messaging;

/// <summary>A schedule cannot be; nothing was changed.</summary>
public sealed class InvalidScheduleException : Exception
{
    internal InvalidScheduleException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
