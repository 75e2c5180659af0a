using RabbitMQ.Client;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Testing.InMemory;

/// <summary>A message that waits to be delivered.</summary>
/// <param name="Outgoing">As it was published.</param>
/// <param name="Due">When.</param>
internal abstract record WaitingMessage(OutgoingMessage Outgoing, DateTimeOffset Due)
{
    public IReadOnlyBasicProperties Properties => Outgoing.Properties;

    /// <summary>In a queue.</summary>
    public sealed record InQueue(OutgoingMessage Outgoing, DateTimeOffset Due, TaskQueue Queue) : WaitingMessage(Outgoing, Due);

    /// <summary>An event, for a handler of a temporary subscription.</summary>
    public sealed record ForHandler(OutgoingMessage Outgoing, DateTimeOffset Due, EventHandlerRegistration Handler) : WaitingMessage(Outgoing, Due);
}
