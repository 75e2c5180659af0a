using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Connections;

/// <summary>
/// An exclusive queue of this process on its consuming connection, named by the broker: it is gone with the connection, and a new one is made
/// on the next. What was in it is lost.
/// </summary>
/// <param name="purpose">What it is for, for the log.</param>
/// <param name="connection">The consuming connection.</param>
/// <param name="receive">Gets the deliveries, one after the other; may not throw.</param>
/// <param name="clock">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed class PrivateQueue(string purpose, SupervisedConnection connection, Func<PrivateDelivery, Task> receive, TimeProvider clock, ILogger logger)
{
    // Whether this user may have dropped messages sent on; with the least rights perhaps not.
    private bool _mayWatch = true;

    private static readonly TimeSpan AckInterval = TimeSpan.FromSeconds(1);

    /// <summary>The exchange and key it is bound to, if any.</summary>
    public (string Exchange, string Key)? Binding { get; init; }

    /// <summary>Deliveries held here at once and acknowledged when received, above 1 many at a time; 0 takes all there are, without acknowledgement.</summary>
    public ushort Prefetch { get; init; }

    /// <summary>How many may wait on the broker: of more the oldest are dropped. Null for any number.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Told, at most once a second, that the broker has dropped what did not fit <see cref="MaxLength"/>.</summary>
    public Action? Dropped { get; init; }

    /// <summary>Told when it gets messages, before the first one is received.</summary>
    public Action? Bound { get; init; }

    /// <summary>Told the queue's name when it is there.</summary>
    public Action<string>? Opened { get; init; }

    /// <summary>Told the reason when it is gone.</summary>
    public Action<string>? Lost { get; init; }

    /// <summary>Keeps the queue until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        Backoff backoff = new(clock, TimeSpan.FromSeconds(4));
        string? reason = null;
        await Supervision.KeepAsync(
            async token => reason = await ConsumeAsync(backoff, token), failure => logger.PrivateQueueLost(purpose, failure?.Message ?? reason!), backoff, stopping);
        Lost?.Invoke("the program stops");
    }

    private async Task<string> ConsumeAsync(Backoff backoff, CancellationToken stopping)
    {
        // The client hangs the spans of all deliveries under the activity that is current now.
        System.Diagnostics.Activity.Current = null;
        OpenConnection open = await connection.WaitOpenAsync(stopping);
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        IChannel? watching = null;
        try
        {
            TaskCompletionSource<string> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
            channel.ChannelShutdownAsync += (_, shutdown) =>
            {
                ended.TrySetResult(shutdown.ReplyText);
                return Task.CompletedTask;
            };
            Dictionary<string, object?>? limits = MaxLength is { } most ? LimitedTo(most) : null;
            if (Dropped is not null && _mayWatch)
            {
                watching = await connection.OpenChannelAsync(null, stopping);
                (limits!["x-dead-letter-exchange"], limits["x-dead-letter-routing-key"]) = ("", await WatchAsync(watching, ended, stopping));
            }

            QueueDeclareOk queue = await DeclareAsync(channel, limits, stopping);
            if (Binding is { } binding)
            {
                await channel.QueueBindAsync(queue.QueueName, binding.Exchange, binding.Key, cancellationToken: CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            }

            Bound?.Invoke();
            if (Prefetch > 0)
            {
                await channel.BasicQosAsync(0, Prefetch, global: false, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            }

            PrivateConsumer consumer = new(channel, receive, Prefetch, clock, ended);
            // What came last in a burst is acknowledged too, before the broker takes it back.
            await using ITimer? rest = Prefetch > 1 ? clock.CreateTimer(_ => _ = consumer.AcknowledgeAsync(), null, AckInterval, AckInterval) : null;
            await channel.BasicConsumeAsync(queue.QueueName, autoAck: Prefetch == 0, consumer, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            backoff.Opened();
            Opened?.Invoke(queue.QueueName);
            string reason = await (await Task.WhenAny(ended.Task, open.Lost).WaitAsync(stopping));
            // At once: giving up the channel of a dead connection takes its time.
            Lost?.Invoke(reason);
            return reason;
        }
        finally
        {
            // Not waited for: the program may be ending, perhaps on a dead connection.
            _ = Limits.DisposeAsync(channel, clock);
            _ = Limits.DisposeAsync(watching, clock);
        }
    }

    private async Task<QueueDeclareOk> DeclareAsync(IChannel channel, Dictionary<string, object?>? limits, CancellationToken stopping)
    {
        try
        {
            return await channel.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, limits, cancellationToken: CancellationToken.None)
                .WaitAsync(Limits.Rpc, clock, stopping);
        }
        catch (OperationInterruptedException refused) when (refused.ShutdownReason?.ReplyCode == Constants.AccessRefused)
        {
            // The next time without.
            _mayWatch = false;
            throw;
        }
    }

    private static Dictionary<string, object?> LimitedTo(int most) => new() { ["x-max-length"] = most, ["x-overflow"] = "drop-head" };

    // What is dropped goes to a queue that has room for one: it tells that something was, not what.
    private async Task<string> WatchAsync(IChannel channel, TaskCompletionSource<string> ended, CancellationToken stopping)
    {
        channel.ChannelShutdownAsync += (_, shutdown) =>
        {
            ended.TrySetResult(shutdown.ReplyText);
            return Task.CompletedTask;
        };
        QueueDeclareOk drops = await channel.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, LimitedTo(1), cancellationToken: CancellationToken.None)
            .WaitAsync(Limits.Rpc, clock, stopping);
        await channel.BasicQosAsync(0, 1, global: false, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
        AsyncEventingBasicConsumer consumer = new(channel);
        consumer.ReceivedAsync += async (_, drop) =>
        {
            Dropped!();
            await Task.Delay(AckInterval, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await channel.BasicAckAsync(drop.DeliveryTag, multiple: false, CancellationToken.None);
        };
        await channel.BasicConsumeAsync(drops.QueueName, autoAck: false, consumer, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
        return drops.QueueName;
    }

#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
    private sealed class PrivateConsumer(IChannel channel, Func<PrivateDelivery, Task> receive, ushort prefetch, TimeProvider clock, TaskCompletionSource<string> ended) : AsyncDefaultBasicConsumer(channel)
#pragma warning restore CA1001
    {
        // One acknowledgement after the other: a number below one that was acknowledged ends the channel.
        private readonly SemaphoreSlim _acknowledging = new(1);
        private readonly ulong _every = (ulong)Math.Max(1, prefetch / 4);
        private ulong _received;
        private ulong _acknowledged;

        public override async Task HandleBasicDeliverAsync(
            string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey,
            IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
        {
            await receive(new PrivateDelivery(exchange, routingKey, redelivered, properties, body));
            Volatile.Write(ref _received, deliveryTag);
            if (prefetch > 0 && deliveryTag % _every == 0)
            {
                await AcknowledgeAsync();
            }
        }

        public async Task AcknowledgeAsync()
        {
            await _acknowledging.WaitAsync();
            try
            {
                ulong received = Volatile.Read(ref _received);
                if (received > _acknowledged)
                {
                    _acknowledged = received;
                    await Channel.BasicAckAsync(received, multiple: true, CancellationToken.None).AsTask().WaitAsync(Limits.Rpc, clock);
                }
            }
#pragma warning disable CA1031 // A delivery that cannot be acknowledged comes from a queue that is gone, and the next one is on its way.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                ended.TrySetResult(failure.Message);
            }
            finally
            {
                _acknowledging.Release();
            }
        }

        protected override Task OnCancelAsync(string[] consumerTags, CancellationToken cancellationToken = default)
        {
            ended.TrySetResult("the broker cancelled the consumer");
            return Task.CompletedTask;
        }
    }
}
