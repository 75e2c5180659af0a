using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Publishing;

/// <summary>A message was not confirmed; the outcome tells what is known.</summary>
internal sealed class PublishFailedException(PublishOutcome outcome, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    public PublishOutcome Outcome { get; } = outcome;

    /// <summary>541 INTERNAL_ERROR and its like ended the connection: not a broker that stops, a link that breaks or a queue that does not answer.</summary>
    public bool IsBrokersError => IsOfBroker(InnerException);

    /// <summary>What the broker said of a message that it has not taken.</summary>
    public static PublishFailedException Of(PublishException refusal, OutgoingMessage message) => refusal.IsReturn
        ? new PublishFailedException(PublishOutcome.Returned, $"No queue takes '{message.RoutingKey}' from exchange '{message.Exchange}'.", refusal)
        : new PublishFailedException(PublishOutcome.Refused, $"The broker refused a message for '{message.RoutingKey}': its queue is full or not available.", refusal);

    private static bool IsOfBroker(Exception? failure) =>
        failure is OperationInterruptedException { ShutdownReason: { Initiator: ShutdownInitiator.Peer, ReplyCode: >= 500 } } || (failure is not null && IsOfBroker(failure.InnerException));
}
