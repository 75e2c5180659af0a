using RabbitMQ.Client.Events;

namespace WorkQueue.Messaging.Connections;

/// <summary>What sets messages aside that the client cannot read, and that would end the connection each time they are delivered (docs/adr/0011).</summary>
internal interface IUnreadableMessages
{
    /// <summary>Until it is disposed of, messages of a queue come by the connection.</summary>
    /// <param name="queue">The queue's name on the broker.</param>
    /// <param name="most">How many messages from its head may be looked at: on a quorum queue each look counts as a delivery.</param>
    /// <param name="behind">How many more behind one that was found.</param>
    IDisposable Reads(string queue, int most, int behind);

    /// <summary>Whether a connection ended because of a message. Then it is known which queues were read.</summary>
    bool Suspects(ShutdownEventArgs shutdown);

    /// <summary>Finds what could not be read and sets it aside, if a connection was ended by it since the last time.</summary>
    /// <returns>What is wrong, where it could not be set aside.</returns>
    Task<string?> SetAsideAsync(CancellationToken stopping);
}
