namespace WorkQueue.Messaging;

/// <summary>How a call ended that has no result.</summary>
public enum CallOutcome
{
    /// <summary>The task ended without success; the exception tells its error.</summary>
    Failed,

    /// <summary>No reply came in time. The task is not started any more; one that runs goes on, and its reply is ignored.</summary>
    TimedOut,

    /// <summary>The connection was lost, and with it the reply: the task may have run, may run, or may still be run.</summary>
    Unknown,

    /// <summary>The task succeeded, and its result is not what the caller asked for.</summary>
    Unreadable,
}

/// <summary>A call has no result; <see cref="Outcome"/> tells why.</summary>
public sealed class CallFailedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="outcome">How the call ended.</param>
    /// <param name="taskId">The id of the task.</param>
    /// <param name="message">What happened and what to do.</param>
    /// <param name="innerException">The cause on this side, if any.</param>
    public CallFailedException(CallOutcome outcome, string taskId, string message, Exception? innerException = null)
        : base(message, innerException) => (Outcome, TaskId) = (outcome, taskId);

    /// <summary>How the call ended.</summary>
    public CallOutcome Outcome { get; }

    /// <summary>The id of the task: look it up, or call again under the same one.</summary>
    public string TaskId { get; }

    /// <summary>The type of the exception on the worker, if there was one: <c>System.InvalidOperationException</c>.</summary>
    public string? RemoteErrorType { get; init; }

    /// <summary>The text of that exception, at most 1000 characters.</summary>
    public string? RemoteError { get; init; }
}
