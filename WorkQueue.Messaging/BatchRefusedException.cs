namespace WorkQueue.Messaging;

/// <summary>What is wrong with what was asked of a batch.</summary>
public enum BatchRefusal
{
    /// <summary>There is no such batch, or none any more.</summary>
    Unknown,

    /// <summary>The batch is not in a state for it, or a limit is reached.</summary>
    NotPossible,

    /// <summary>A value is malformed or out of range.</summary>
    Malformed,
}

/// <summary>What was asked of a batch cannot be done; nothing was changed.</summary>
public sealed class BatchRefusedException : Exception
{
    internal BatchRefusedException(BatchRefusal reason, string message)
        : base(message) => Reason = reason;

    /// <summary>What is wrong.</summary>
    public BatchRefusal Reason { get; }
}
