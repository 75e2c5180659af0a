using System.Diagnostics;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Consuming;

/// <summary>The channel of a slot. It goes with it from one queue to the next where nothing is left on it: to close one and to open another takes longer than a short task.</summary>
internal sealed class SlotChannel(TimeProvider clock)
{
    private static readonly CreateChannelOptions OneAtATime = new(false, false, null, consumerDispatchConcurrency: 1);

    private OpenConnection? _connection;
    private IChannel? _channel;
    private ushort _prefetch;

    /// <summary>The one there is, or a new one.</summary>
    public async Task<IChannel> TakeAsync(OpenConnection open, CancellationToken stopping)
    {
        stopping.ThrowIfCancellationRequested();
        if (_channel is { IsOpen: true } && ReferenceEquals(_connection, open))
        {
            return _channel;
        }

        await DropAsync();
        // The client hangs the spans of all deliveries under the activity that is current now.
        Activity.Current = null;
        (_connection, _prefetch) = (open, 0);
        return _channel = await open.OpenChannelAsync(OneAtATime, clock, stopping);
    }

    /// <summary>Subscribes on it.</summary>
    /// <returns>The tag.</returns>
    public async Task<string> SubscribeAsync(string queue, TaskConsumer consumer, Dictionary<string, object?>? arguments, CancellationToken stopping)
    {
        if (_prefetch != consumer.Prefetch)
        {
            await consumer.Channel.BasicQosAsync(0, consumer.Prefetch, global: false, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            _prefetch = consumer.Prefetch;
        }

        return await consumer.Channel.BasicConsumeAsync(queue, autoAck: false, "", noLocal: false, exclusive: false, arguments, consumer, CancellationToken.None)
            .WaitAsync(Limits.Rpc, clock, stopping);
    }

    /// <summary>Closes it.</summary>
    public async Task DropAsync()
    {
        IChannel? dropped = _channel;
        _channel = null;
        await Limits.DisposeAsync(dropped, clock);
    }
}
