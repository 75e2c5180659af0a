using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Publishing;

/// <summary>A message was not confirmed; the outcome tells what is known.</summary>
internal sealed class PublishFailedException(PublishOutcome outcome, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    public PublishOutcome Outcome { get; } = outcome;

    /// <summary>Its queue does not confirm, while the channel stands: to others can be published.</summary>
    public bool IsOfQueue { get; init; }

    /// <summary>541 INTERNAL_ERROR and its like ended the connection: not a broker that stops, a link that breaks or a queue that does not answer.</summary>
    public bool IsBrokersError => IsOfBroker(InnerException);

    /// <summary>What became of a publish.</summary>
    /// <param name="outcome">As far as it is known.</param>
    /// <param name="exchange">Where it went.</param>
    /// <param name="routingKey">By which key.</param>
    /// <param name="cause">What went wrong with the connection, if it did.</param>
    public static PublishFailedException Of(PublishOutcome outcome, string exchange, string routingKey, Exception? cause) => new(outcome, outcome switch
    {
        PublishOutcome.Returned => $"No queue takes '{routingKey}' from exchange '{exchange}'.",
        PublishOutcome.Refused => $"The broker refused a message for '{routingKey}': its queue is full or not available.",
        // Whatever the client says here, the message may have been stored.
        _ => $"The connection was lost before the confirm: {cause?.Message}",
    }, cause);

    private static bool IsOfBroker(Exception? failure) =>
        failure is OperationInterruptedException { ShutdownReason: { Initiator: ShutdownInitiator.Peer, ReplyCode: >= 500 } } || (failure is not null && IsOfBroker(failure.InnerException));
}
