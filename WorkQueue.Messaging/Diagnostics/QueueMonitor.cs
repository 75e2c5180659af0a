using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Diagnostics;

/// <summary>Asks the broker how many tasks wait in each queue, for the metric <c>workqueue.queue.messages</c>.</summary>
internal sealed class QueueMonitor(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection,
    TaskTopology topology,
    WorkQueueTelemetry telemetry,
    TimeProvider clock,
    ILogger<QueueMonitor> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private volatile IReadOnlyList<Measurement<long>> _counts = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        telemetry.Meter.CreateObservableGauge("workqueue.queue.messages", () => _counts, "{message}", "Messages ready in a queue, by queue and state.");
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
                logger.NoQueueCounts(failure.Message);
            }

            await Task.Delay(Interval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WatchAsync(CancellationToken stopping)
    {
        IConnection open = await connection.WaitOpenAsync(stopping);
        IChannel channel = await Limits.OpenAsync(open.CreateChannelAsync(null, CancellationToken.None), Limits.Rpc, clock, stopping);
        try
        {
            using PeriodicTimer timer = new(Interval, clock);
            do
            {
                List<Measurement<long>> counts = [];
                foreach (TaskQueue queue in topology.Queues)
                {
                    counts.Add(await CountAsync(channel, queue.BrokerName, queue.Name, "ready", stopping));
                    counts.Add(await CountAsync(channel, queue.DeadBrokerName, queue.Name, "dead", stopping));
                }

                _counts = counts;
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }

    private async Task<Measurement<long>> CountAsync(IChannel channel, string name, string queue, string state, CancellationToken stopping)
    {
        uint count = await channel.MessageCountAsync(name, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
        return new Measurement<long>(count, new("messaging.destination.name", queue), new("workqueue.queue.state", state));
    }
}
