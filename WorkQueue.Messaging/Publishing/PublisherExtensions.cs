namespace WorkQueue.Messaging.Publishing;

/// <summary>For what users are told of as of the broker, not of a message.</summary>
internal static class PublisherExtensions
{
    /// <inheritdoc cref="IPublisher.PublishAsync"/>
    /// <exception cref="BrokerUnavailableException">It was not confirmed.</exception>
    public static async Task SayAsync(this IPublisher publisher, OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        try
        {
            await publisher.PublishAsync(message, confirmTimeout, cancellationToken);
        }
        catch (PublishFailedException failure)
        {
            throw new BrokerUnavailableException(failure.Message.TrimEnd('.'), failure);
        }
    }
}
