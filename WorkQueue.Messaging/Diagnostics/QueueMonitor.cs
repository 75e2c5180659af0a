using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Diagnostics;

/// <summary>Asks the broker once a second how full each queue is: for admission, for <c>GET /queues</c> and for the metric <c>workqueue.queue.messages</c>.</summary>
internal sealed class QueueMonitor(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection,
    TaskTopology topology,
    WorkQueueTelemetry telemetry,
    TimeProvider clock,
    ILogger<QueueMonitor> logger) : BackgroundService, IQueueCounts
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // The ladder has many queues, and what waits there changes nothing at once.
    private const int LadderRounds = 5;

    // Each time one does not answer the others wait for it.
    private const int RoundsAfterSilence = 60;

    // From which round on a queue that could not be counted is asked again.
    private readonly Dictionary<string, int> _askAgain = new(StringComparer.Ordinal);

    private int _round;
    private int _ladderAgain;

    private volatile IReadOnlyList<QueueCount> _counts = [];

    private Tuple<long, long, long>? _waiting;

    public IReadOnlyList<QueueCount> Current => _counts;

    public long? Delayed => _waiting?.Item1;

    public long? Unrouted => _waiting?.Item2;

    public long? Unreadable => _waiting?.Item3;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        telemetry.Meter.CreateObservableGauge("workqueue.queue.messages", Measure, "{message}", "Messages in a queue, by queue and state.");
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WatchAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // A count that cannot be had is no reason to stop anything: it is left out until it can.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                _counts = [];
                _waiting = null;
                logger.NoQueueCounts(failure.Message);
                // A queue that cannot be counted may have been deleted.
                await connection.TryRepairAsync(stoppingToken);
            }

            await Task.Delay(Interval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        try
        {
            using PeriodicTimer timer = new(Interval, clock);
            do
            {
                channel = await CountQueuesAsync(channel, ++_round, stopping);
                if (_round % LadderRounds == 1 && _round >= _ladderAgain)
                {
                    channel = await TryCountLadderAsync(channel, stopping);
                }
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }

    // One that is missing, or has no leader, takes its channel with it and its time, but not the counts of the others.
    private async Task<IChannel> CountQueuesAsync(IChannel channel, int round, CancellationToken stopping)
    {
        List<QueueCount> counts = [];
        foreach (TaskQueue queue in topology.All.Where(queue => round >= _askAgain.GetValueOrDefault(queue.BrokerName)))
        {
            try
            {
                QueueDeclareOk live = await CountAsync(channel, queue.BrokerName, stopping);
                QueueDeclareOk dead = await CountAsync(channel, queue.DeadBrokerName, stopping);
                counts.Add(new QueueCount(queue.Name, queue.BrokerName, live.MessageCount, (int)live.ConsumerCount, dead.MessageCount) { IsSubscription = queue.IsSubscription });
            }
            catch (Exception failure) when (connection.Problem is null && failure is OperationInterruptedException or TimeoutException)
            {
                _counts = [.. _counts.Where(count => count.Queue != queue.Name)];
                _askAgain[queue.BrokerName] = round + (failure is TimeoutException ? RoundsAfterSilence : 2);
                logger.NoQueueCount(queue.BrokerName, failure.Message);
                await Limits.DisposeAsync(channel, clock);
                // It may have been deleted.
                await connection.TryRepairAsync(stopping);
                channel = await connection.OpenChannelAsync(null, stopping);
            }
        }

        _counts = counts;
        return channel;
    }

    private async Task<IChannel> TryCountLadderAsync(IChannel channel, CancellationToken stopping)
    {
        try
        {
            _waiting = await CountLadderAsync(channel, stopping);
            return channel;
        }
        catch (Exception failure) when (connection.Problem is null && failure is OperationInterruptedException or TimeoutException)
        {
            _waiting = null;
            _ladderAgain = _round + (failure is TimeoutException ? RoundsAfterSilence : 2);
            logger.NoQueueCount(topology.Delays.EntryExchange, failure.Message);
            await Limits.DisposeAsync(channel, clock);
            await connection.TryRepairAsync(stopping);
            return await connection.OpenChannelAsync(null, stopping);
        }
    }

    private async Task<Tuple<long, long, long>> CountLadderAsync(IChannel channel, CancellationToken stopping)
    {
        long delayed = 0;
        for (int level = 0; level < DelayLadder.Levels; level++)
        {
            delayed += (await CountAsync(channel, topology.Delays.Level(level), stopping)).MessageCount;
        }

        long unrouted = (await CountAsync(channel, topology.Delays.Unrouted, stopping)).MessageCount;
        return Tuple.Create(delayed, unrouted, (long)(await CountAsync(channel, topology.Unreadable, stopping)).MessageCount);
    }

    private Task<QueueDeclareOk> CountAsync(IChannel channel, string name, CancellationToken stopping) =>
        channel.QueueDeclarePassiveAsync(name, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);

    private IEnumerable<Measurement<long>> Measure() => _counts.SelectMany(count => (Measurement<long>[])
    [
        new(count.Ready, new("messaging.destination.name", count.Queue), new("workqueue.queue.state", "ready")),
        new(count.Dead, new("messaging.destination.name", count.Queue), new("workqueue.queue.state", "dead")),
    ]);
}
