using System.Buffers.Binary;
using System.Text;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Unreadable;

/// <summary>The broker closed a channel or the connection.</summary>
#pragma warning disable CA1032 // Made in one place.
internal sealed class RefusedException(ReadOnlySpan<byte> arguments) : IOException(Encoding.UTF8.GetString(arguments.Slice(3, arguments[2])))
#pragma warning restore CA1032
{
    public ushort Code { get; } = BinaryPrimitives.ReadUInt16BigEndian(arguments);
}

/// <summary>A message as the broker sent it.</summary>
/// <param name="Tag">The delivery tag.</param>
/// <param name="Header">The content header: class, weight, size of the body, and the properties.</param>
/// <param name="Body">The body, in the frames it came in.</param>
internal sealed record RawMessage(ulong Tag, ReadOnlyMemory<byte> Header, IReadOnlyList<ReadOnlyMemory<byte>> Body);

/// <summary>A channel of a <see cref="RawConnection"/>.</summary>
internal sealed class RawChannel(RawConnection connection, ushort number)
{
    private const byte Exclusive = 0b100;
    private const byte Mandatory = 0b1;
    private const byte MultipleAndRequeue = 0b11;

    public Task CallAsync(MethodArguments call, Method answer, CancellationToken cancellationToken) => connection.CallAsync(number, call, answer, cancellationToken);

    /// <summary>Makes a queue of this connection's own, which says to others that somebody is at work; it goes with the connection.</summary>
    /// <returns>False if another connection has it; null if the user may make none. The channel is of no use any more then.</returns>
    public async Task<bool?> TryOwnAsync(string queue, CancellationToken cancellationToken)
    {
        try
        {
            await CallAsync(MethodArguments.Of(Method.QueueDeclare).Short(0).ShortText(queue).Octet(Exclusive).Table(), Method.QueueDeclareOk, cancellationToken);
            return true;
        }
        catch (RefusedException refused) when (refused.Code == Constants.ResourceLocked)
        {
            return false;
        }
        catch (RefusedException refused) when (refused.Code == Constants.AccessRefused)
        {
            return null;
        }
    }

    /// <summary>The next message of a queue, which stays the queue's until it is acknowledged; null if there is none.</summary>
    public async Task<RawMessage?> GetAsync(string queue, CancellationToken cancellationToken)
    {
        await connection.SendAsync(number, MethodArguments.Of(Method.BasicGet).Short(0).ShortText(queue).Octet(0), cancellationToken);
        Frame answer = await connection.NextAsync(number, cancellationToken);
        if (answer.Method == Method.BasicGetEmpty)
        {
            return null;
        }

        if (answer.Method != Method.BasicGetOk)
        {
            throw new IOException($"the broker sent {answer.Method} instead of {Method.BasicGetOk}");
        }

        ReadOnlyMemory<byte> header = (await connection.NextAsync(number, cancellationToken)).Payload;
        ulong left = BinaryPrimitives.ReadUInt64BigEndian(header.Span[4..]);
        List<ReadOnlyMemory<byte>> body = [];
        while (left > 0)
        {
            body.Add((await connection.NextAsync(number, cancellationToken)).Payload);
            left -= (ulong)body[^1].Length;
        }

        return new RawMessage(BinaryPrimitives.ReadUInt64BigEndian(answer.MethodArguments), header, body);
    }

    /// <summary>Publishes a message as it is, and returns when the broker has confirmed it.</summary>
    /// <exception cref="IOException">It has not: no queue takes it, or it is refused.</exception>
    public async Task PublishAsync(string exchange, string routingKey, RawMessage message, CancellationToken cancellationToken)
    {
        MethodArguments publish = MethodArguments.Of(Method.BasicPublish).Short(0).ShortText(exchange).ShortText(routingKey).Octet(Mandatory);
        await connection.SendAsync(number, publish, cancellationToken);
        await connection.SendAsync(new Frame(Frame.OfHeader, number, message.Header), cancellationToken);
        foreach (ReadOnlyMemory<byte> part in message.Body)
        {
            await connection.SendAsync(new Frame(Frame.OfBody, number, part), cancellationToken);
        }

        Frame answer = await connection.NextAsync(number, cancellationToken);
        if (answer.Method != Method.BasicAck)
        {
            throw new IOException(answer.Method == Method.BasicReturn ? $"no queue is bound to the exchange {exchange}" : $"the broker refused it ({answer.Method})");
        }
    }

    public Task AcknowledgeAsync(ulong tag, CancellationToken cancellationToken) =>
        connection.SendAsync(number, MethodArguments.Of(Method.BasicAck).LongLong(tag).Octet(0), cancellationToken);

    /// <summary>Gives back whatever is not acknowledged, and returns when the broker has it.</summary>
    public async Task GiveBackAsync(CancellationToken cancellationToken)
    {
        await connection.SendAsync(number, MethodArguments.Of(Method.BasicNack).LongLong(0).Octet(MultipleAndRequeue), cancellationToken);
        await CallAsync(MethodArguments.Of(Method.ChannelClose).Short(Constants.ReplySuccess).ShortText("").Long(0), Method.ChannelCloseOk, cancellationToken);
    }
}
