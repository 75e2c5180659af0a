using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Monitoring;

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

    // From which round on what could not be counted is asked again.
    private readonly Dictionary<string, int> _askAgain = new(StringComparer.Ordinal);

    private readonly Backoff _backoff = new(clock, Interval);

    private int _round;

    private volatile IReadOnlyList<QueueCount> _counts = [];

    private Tuple<long, long, long>? _waiting;

    public IReadOnlyList<QueueCount> Current => _counts;

    public long? Delayed => _waiting?.Item1;

    public long? Unrouted => _waiting?.Item2;

    public long? Unreadable => _waiting?.Item3;

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        telemetry.Meter.CreateObservableGauge("workqueue.queue.messages", Measure, "{message}", "Messages in a queue, by queue and state.");
        return Supervision.KeepAsync(WatchAndRepairAsync, CountingEnded, _backoff, stoppingToken);
    }

    // A count that cannot be had is no reason to stop anything: it is left out until it can.
    private void CountingEnded(Exception? failure)
    {
        _counts = [];
        _waiting = null;
        logger.NoQueueCounts(failure?.Message ?? "the channel was closed");
    }

    private async Task WatchAndRepairAsync(CancellationToken stopping)
    {
        try
        {
            await WatchAsync(stopping);
        }
        catch (Exception) when (!stopping.IsCancellationRequested)
        {
            // A queue that cannot be counted may have been deleted.
            await connection.TryRepairAsync(stopping);
            throw;
        }
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        _backoff.Opened();
        try
        {
            using PeriodicTimer timer = new(Interval, clock);
            do
            {
                _round++;
                channel = await CountQueuesAsync(channel, stopping);
                if (_round % LadderRounds == 1)
                {
                    channel = await TryAsync(channel, topology.Delays.EntryExchange, async open => _waiting = await CountLadderAsync(open, stopping), () => _waiting = null, stopping);
                }
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }

    private async Task<IChannel> CountQueuesAsync(IChannel channel, CancellationToken stopping)
    {
        List<QueueCount> counts = [];
        foreach (TaskQueue queue in topology.All)
        {
            channel = await TryAsync(
                channel,
                queue.BrokerName,
                async open =>
                {
                    List<LaneCount> lanes = [];
                    foreach (TaskLane lane in queue.Lanes.All)
                    {
                        QueueDeclareOk live = await CountAsync(open, lane.BrokerName, stopping);
                        lanes.Add(new LaneCount(lane.Name ?? "", lane.BrokerName, live.MessageCount, (int)live.ConsumerCount) { Limit = lane.Limit, Rate = lane.Rate?.ToString() });
                    }

                    QueueDeclareOk dead = await CountAsync(open, queue.DeadBrokerName, stopping);
                    counts.Add(new QueueCount(queue.Name, queue.BrokerName, lanes.Sum(lane => lane.Ready), lanes.Sum(lane => lane.Consumers), dead.MessageCount) { IsSubscription = queue.IsSubscription, Lanes = queue.Lanes.All is [{ IsLimited: false }] ? [] : lanes });
                },
                () => _counts = [.. _counts.Where(count => count.Queue != queue.Name)],
                stopping);
        }

        _counts = counts;
        return channel;
    }

    // One that is missing, or has no leader, takes its channel with it and its time, but not the counts of the others.
    private async Task<IChannel> TryAsync(IChannel channel, string name, Func<IChannel, Task> count, Action forget, CancellationToken stopping)
    {
        if (_round < _askAgain.GetValueOrDefault(name))
        {
            return channel;
        }

        try
        {
            await count(channel);
            return channel;
        }
        catch (Exception failure) when (connection.Problem is null && failure is OperationInterruptedException or TimeoutException)
        {
            forget();
            _askAgain[name] = _round + (failure is TimeoutException ? RoundsAfterSilence : 2);
            logger.NoQueueCount(name, failure.Message);
            await Limits.DisposeAsync(channel, clock);
            // It may have been deleted.
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
