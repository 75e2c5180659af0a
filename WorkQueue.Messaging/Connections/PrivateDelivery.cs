using RabbitMQ.Client;

namespace WorkQueue.Messaging.Connections;

/// <summary>A delivery of a private queue; the body is the client's buffer, valid until the receiver returns.</summary>
internal readonly record struct PrivateDelivery(string Exchange, string RoutingKey, bool Redelivered, IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body);
