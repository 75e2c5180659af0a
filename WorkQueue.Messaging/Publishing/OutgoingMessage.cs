using RabbitMQ.Client;

namespace WorkQueue.Messaging.Publishing;

/// <summary>One message for the broker.</summary>
/// <param name="Exchange">The exchange.</param>
/// <param name="RoutingKey">The routing key.</param>
/// <param name="Destination">What metrics call it: the exchange and the queue, never a key with a delay in it.</param>
/// <param name="Properties">They belong to this publish alone: the client writes into them.</param>
/// <param name="Body">The payload.</param>
/// <param name="Mandatory">False for what nobody need listen to.</param>
internal readonly record struct OutgoingMessage(
    string Exchange, string RoutingKey, string Destination, BasicProperties Properties, ReadOnlyMemory<byte> Body, bool Mandatory = true);
