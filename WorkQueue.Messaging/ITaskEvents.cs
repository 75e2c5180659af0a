namespace WorkQueue.Messaging;

/// <summary>Where a program tells what has happened. Registered by <c>AddTaskQueue()</c>; handled by those added with <c>AddEventHandler()</c>.</summary>
public interface ITaskEvents
{
    /// <summary>
    /// Publishes an event to all whose pattern fits its topic. Returns when the broker has confirmed it, in every durable subscription;
    /// an event nobody subscribes to is gone.
    /// </summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <param name="topic">Words between dots, <c>orders.eu.created</c>: at most 255 bytes, and not beginning with <c>task.</c></param>
    /// <param name="payload">The payload, written as JSON with camelCase names.</param>
    /// <param name="cancellationToken">Stops the waiting. The event may be published all the same.</param>
    /// <returns>The event's id.</returns>
    /// <exception cref="InvalidEventException">The topic is none, or the payload too large; nothing was sent.</exception>
    /// <exception cref="EventNotPublishedException">The broker did not confirm it; <see cref="EventNotPublishedException.Outcome"/> tells what is known.</exception>
    Task<string> PublishAsync<TPayload>(string topic, TPayload payload, CancellationToken cancellationToken = default);
}

/// <summary>The event is not acceptable; nothing was sent.</summary>
public sealed class InvalidEventException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What is wrong.</param>
    /// <param name="message">What is wrong, where, and what to do.</param>
    public InvalidEventException(InvalidTaskReason reason, string message)
        : base(message) => Reason = reason;

    /// <summary>What is wrong: <see cref="InvalidTaskReason.Malformed"/> or <see cref="InvalidTaskReason.TooLarge"/>.</summary>
    public InvalidTaskReason Reason { get; }
}

/// <summary>The broker did not confirm an event; <see cref="Outcome"/> tells what is known.</summary>
public sealed class EventNotPublishedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="outcome">What is known.</param>
    /// <param name="topic">The event's topic.</param>
    /// <param name="message">What happened and what to do.</param>
    /// <param name="innerException">The client's own error.</param>
    public EventNotPublishedException(PublishOutcome outcome, string topic, string message, Exception? innerException = null)
        : base(message, innerException) => (Outcome, Topic) = (outcome, topic);

    /// <summary>What is known of the event.</summary>
    public PublishOutcome Outcome { get; }

    /// <summary>Its topic.</summary>
    public string Topic { get; }
}
