namespace WorkQueue.Messaging.Publishing;

/// <summary>Publishes to the broker, confirmed.</summary>
internal interface IPublisher
{
    /// <summary>Publishes, and returns when the broker has confirmed.</summary>
    /// <param name="message">The message.</param>
    /// <param name="confirmTimeout">How long to wait for the confirm; infinite waits until it is there or the channel is gone.</param>
    /// <param name="cancellationToken">Stops the waiting; the publish itself goes on, because cancelling it would break the channel for all.</param>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    ValueTask PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken);

    /// <summary>Declares what is missing on the broker.</summary>
    Task RepairAsync();
}
