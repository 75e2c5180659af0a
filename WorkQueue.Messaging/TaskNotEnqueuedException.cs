namespace WorkQueue.Messaging;

/// <summary>How a publish ended that was not confirmed.</summary>
public enum PublishOutcome
{
    /// <summary>The broker has no such queue. Nothing was stored.</summary>
    Returned,

    /// <summary>The broker refused the message (a full or unavailable queue). Nothing was stored.</summary>
    Refused,

    /// <summary>The queue holds as many tasks as its <see cref="QueueOptions.MaxLength"/> allows. Nothing was sent.</summary>
    QueueFull,

    /// <summary>The broker is away or blocked by an alarm, and nothing was sent: safe to try again.</summary>
    Unavailable,

    /// <summary>Sent, but no answer came: the broker may have it. Trying again with the same id is safe for a handler that is idempotent.</summary>
    Unknown,
}

/// <summary>The broker did not confirm a task; <see cref="Outcome"/> tells what is known.</summary>
public sealed class TaskNotEnqueuedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="outcome">What is known.</param>
    /// <param name="taskId">The id of the task.</param>
    /// <param name="message">What happened and what to do.</param>
    /// <param name="innerException">The client's own error.</param>
    public TaskNotEnqueuedException(PublishOutcome outcome, string taskId, string message, Exception? innerException = null)
        : base(message, innerException) => (Outcome, TaskId) = (outcome, taskId);

    /// <summary>What is known of the message.</summary>
    public PublishOutcome Outcome { get; }

    /// <summary>The id of the task: look it up, or send it again under the same one.</summary>
    public string TaskId { get; }
}
