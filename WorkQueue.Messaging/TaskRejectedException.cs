namespace WorkQueue.Messaging;

/// <summary>Thrown by a handler for a task that can never succeed: dead-lettered at once with this reason, without a retry.</summary>
public sealed class TaskRejectedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">Why, for the person who reads the dead letter.</param>
    /// <param name="innerException">The cause, if any.</param>
    public TaskRejectedException(string reason, Exception? innerException = null)
        : base(reason, innerException)
    {
    }
}
