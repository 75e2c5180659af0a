namespace WorkQueue.Messaging;

/// <summary>What is wrong with a task that was refused before anything was sent.</summary>
public enum InvalidTaskReason
{
    /// <summary>A value is malformed or out of range.</summary>
    Malformed,

    /// <summary>No such task type.</summary>
    UnknownType,

    /// <summary>No such queue.</summary>
    UnknownQueue,

    /// <summary>The payload is larger than <see cref="WorkQueueOptions.MaxPayloadBytes"/>.</summary>
    TooLarge,
}

/// <summary>The task is not acceptable; nothing was sent.</summary>
public sealed class InvalidTaskException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What is wrong.</param>
    /// <param name="message">What is wrong, where, and what to do.</param>
    public InvalidTaskException(InvalidTaskReason reason, string message)
        : base(message) => Reason = reason;

    /// <summary>What is wrong.</summary>
    public InvalidTaskReason Reason { get; }

    /// <summary>Which of many tasks that were given together it is, from 0; null where that is not said.</summary>
    public int? Index { get; init; }
}
