using RabbitMQ.Client;

namespace WorkQueue.Messaging.Streams;

/// <summary>A message of a stream.</summary>
internal readonly record struct StreamMessage(
    long Offset, ulong Tag, string Exchange, string RoutingKey, IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body);
