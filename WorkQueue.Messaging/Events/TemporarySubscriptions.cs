using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Events;

/// <summary>
/// Runs the handlers of this process's temporary subscriptions: each has a queue of its own and gets the events one after the other, while
/// there is a connection. An event that cannot be handled is logged and passed over.
/// </summary>
internal sealed class TemporarySubscriptions(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection,
    IEnumerable<EventHandlerRegistration> handlers,
    TaskTopology topology,
    IServiceScopeFactory scopes,
    IOptions<WorkQueueOptions> options,
    TimeProvider clock,
    ILogger<TemporarySubscriptions> logger) : BackgroundService
{
    // The rest waits on the broker, whose limit on an acknowledgement runs for what waits here too: one handler's time stays below it, a hundred's would not.
    private const ushort Prefetch = 1;

    // A pattern that begins with * or # also brings what happens to every task, which is passed over here: singly it would come faster than it goes.
    private const ushort PrefetchOfAll = 400;

    // Events for somebody who does not keep up; who must have all of them has a durable subscription.
    private const int MaxWaiting = 20_000;

    private readonly TaskQueue _reading = new(new Subscription("temporary"), options.Value.Prefix, options.Value.BrokerConsumerTimeout);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(handlers.Select(handler => RunAsync(handler, stoppingToken)));

    private Task RunAsync(EventHandlerRegistration handler, CancellationToken stopping)
    {
        Gap gap = new();
        bool isFirst = true;
        PrivateQueue queue = new($"events {handler.Pattern}", connection, delivery => ReceiveAsync(handler, delivery, gap, stopping), clock, logger)
        {
            Binding = (topology.EventsExchange, handler.Pattern.ToString()),
            Prefetch = handler.Pattern.FirstWord is "*" or "#" ? PrefetchOfAll : Prefetch,
            MaxLength = MaxWaiting,
            Dropped = () =>
            {
                gap.Open();
                logger.EventsDropped(handler.Pattern.ToString(), MaxWaiting);
            },
            Bound = () =>
            {
                if (!isFirst)
                {
                    gap.Open();
                }

                isFirst = false;
            },
            Opened = _ => logger.TakingEvents(handler.Pattern.ToString()),
        };
        return queue.RunAsync(stopping);
    }

    private async Task ReceiveAsync(EventHandlerRegistration handler, PrivateDelivery delivery, Gap gap, CancellationToken stopping)
    {
        if (!TopicRules.IsUsers(delivery.RoutingKey) || stopping.IsCancellationRequested)
        {
            return;
        }

        TaskMessage message = TaskCodec.ReadEvent(0, delivery.Redelivered, delivery.Properties, delivery.Body, _reading, delivery.RoutingKey).Message;
        // Copied: a handler that does not stop in its time may still read it when the client uses the buffer again.
        message = message with { Body = message.Body.ToArray() };
        using CancellationTokenSource timeout = new();
        await using ITimer timer = Quiet.CancelAfter(timeout, options.Value.Worker.TaskTimeout, clock);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping, timeout.Token);
        bool mayHaveMissed = gap.Close();
        try
        {
            await handler.HandleAsync(scopes, message, delivery.Redelivered, mayHaveMissed, limit.Token).WaitAsync(limit.Token);
        }
#pragma warning disable CA1031 // The boundary to the user's code: one event that cannot be handled must not end the subscription.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            if (mayHaveMissed)
            {
                // Perhaps nobody has seen it.
                gap.Open();
            }

            logger.EventPassedOver(failure, message.Id, message.Topic!);
        }
    }

    // Whether something may have been missed that no handler knows of yet.
    private sealed class Gap
    {
        private int _isOpen;

        public void Open() => Volatile.Write(ref _isOpen, 1);

        public bool Close() => Interlocked.Exchange(ref _isOpen, 0) == 1;
    }
}
