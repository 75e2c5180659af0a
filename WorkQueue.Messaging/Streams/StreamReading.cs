using System.Threading.Channels;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Streams;

/// <summary>A consumer of a stream, until it ends.</summary>
internal sealed class StreamReading(TimeProvider clock, ushort prefetch = StreamReading.Prefetch) : IAsyncDisposable
{
    // Bounds what is read ahead of a slow reader, in messages.
    private const ushort Prefetch = 2000;
    private const int GroupSize = 1000;

    private readonly Channel<StreamMessage> _messages = Channel.CreateUnbounded<StreamMessage>(new UnboundedChannelOptions { SingleReader = true });
    private IChannel? _channel;

    /// <summary>Why there will be no more messages.</summary>
    public string? Problem { get; private set; }

    /// <summary>Begins to read.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="from">An offset, <c>first</c> or <c>last</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task OpenAsync(SupervisedConnection connection, string stream, object from, CancellationToken cancellationToken)
    {
        System.Diagnostics.Activity.Current = null;
        _channel = await connection.OpenChannelAsync(null, cancellationToken);
        _channel.ChannelShutdownAsync += (_, shutdown) => End(shutdown.ReplyText);
        // RabbitMQ refuses to consume a stream without a prefetch, or without acknowledgements.
        await _channel.BasicQosAsync(0, prefetch, global: false, CancellationToken.None).WaitAsync(Limits.Rpc, clock, cancellationToken);
        Dictionary<string, object?> arguments = new() { ["x-stream-offset"] = from };
        await _channel.BasicConsumeAsync(stream, autoAck: false, "", noLocal: false, exclusive: false, arguments, new StreamConsumer(_channel, this), CancellationToken.None)
            .WaitAsync(Limits.Rpc, clock, cancellationToken);
    }

    /// <summary>The next messages; empty when none came for a moment, null when none will come.</summary>
    public async Task<IReadOnlyList<StreamMessage>?> NextGroupAsync(TimeSpan quiet, CancellationToken cancellationToken)
    {
        List<StreamMessage> group = [];
        if (!_messages.Reader.TryPeek(out _))
        {
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(quiet);
            try
            {
                if (!await _messages.Reader.WaitToReadAsync(limit.Token))
                {
                    return null;
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return group;
            }
        }

        while (group.Count < GroupSize && _messages.Reader.TryRead(out StreamMessage message))
        {
            group.Add(message);
        }

        return group;
    }

    public async Task AcknowledgeAsync(ulong tag)
    {
        try
        {
            await _channel!.BasicAckAsync(tag, multiple: true, CancellationToken.None).AsTask().WaitAsync(Limits.Rpc, clock);
        }
#pragma warning disable CA1031 // A channel that takes no acknowledgement is closed, which ends the subscription by itself.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            await End(failure.Message);
        }
    }

    // Not waited for: who stops reading is often a program that ends, perhaps on a dead connection.
    public ValueTask DisposeAsync()
    {
        _ = Limits.DisposeAsync(_channel, clock);
        return ValueTask.CompletedTask;
    }

    private Task End(string reason)
    {
        Problem ??= reason;
        _messages.Writer.TryComplete();
        return Task.CompletedTask;
    }

    private sealed class StreamConsumer(IChannel channel, StreamReading subscription) : AsyncDefaultBasicConsumer(channel)
    {
        public override Task HandleBasicDeliverAsync(
            string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey,
            IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
        {
            if (properties.Headers?.TryGetValue("x-stream-offset", out object? offset) == true && offset is long number)
            {
                // The body is the client's own buffer; the properties are a copy already.
                subscription._messages.Writer.TryWrite(new StreamMessage(number, deliveryTag, exchange, routingKey, properties, body.ToArray()));
            }

            return Task.CompletedTask;
        }

        protected override Task OnCancelAsync(string[] consumerTags, CancellationToken cancellationToken = default) =>
            subscription.End("the broker cancelled the consumer");
    }
}
