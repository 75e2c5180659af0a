using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Monitoring;

/// <summary>Listens to the heartbeats of workers on an exclusive queue of its own.</summary>
internal sealed class WorkerDirectory(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TimeProvider clock, ILogger<WorkerDirectory> logger)
    : BackgroundService, IWorkerDirectory
{
    private static readonly TimeSpan Forget = 3 * WorkerHeartbeat.Interval;

    private readonly ConcurrentDictionary<string, WorkerInfo> _workers = new(StringComparer.Ordinal);

    // Judged by when it came here: another machine's clock may differ.
    public IReadOnlyList<WorkerInfo> Current =>
        [.. _workers.Values.Where(worker => clock.GetUtcNow() - worker.LastSeen < Forget).OrderBy(worker => worker.Id, StringComparer.Ordinal)];

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new PrivateQueue("worker heartbeats", connection, Hear, clock, logger) { Binding = (topology.EventsExchange, TopicRules.WorkerTopic) }.RunAsync(stoppingToken);

    private Task Hear(PrivateDelivery delivery)
    {
        if (WorkerHeartbeat.Read(delivery.Body) is { } worker)
        {
            _workers[worker.Id] = worker with { LastSeen = clock.GetUtcNow() };
            ForgetGone();
        }

        return Task.CompletedTask;
    }

    private void ForgetGone()
    {
        foreach (WorkerInfo gone in _workers.Values.Where(worker => clock.GetUtcNow() - worker.LastSeen > 20 * Forget))
        {
            _workers.TryRemove(gone.Id, out _);
        }
    }
}
