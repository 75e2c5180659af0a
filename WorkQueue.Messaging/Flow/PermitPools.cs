using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>The permits of the limited queues. They are held by the connection that takes tasks: what ends one ends the other.</summary>
internal sealed class PermitPools(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, IPublisher publisher, TaskTopology topology, RatePools rates, WorkQueueTelemetry telemetry, TimeProvider clock, ILogger<PermitPools> logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, PermitPool> _pools = topology.Queues.Where(queue => queue.MaxRunning is not null)
        .ToDictionary(queue => queue.Name, _ => new PermitPool(clock), StringComparer.Ordinal);

    // By queue: that one has its permits says nothing of the others.
    private readonly ConcurrentDictionary<string, string> _problems = new(StringComparer.Ordinal);

    /// <summary>Why permits cannot be had; null while they can, and where no queue is limited.</summary>
    public string? Problem => _pools.Count == 0 && !Rates.AreThere ? null : connection.Problem ?? _problems.Values.FirstOrDefault() ?? Rates.Problem;

    /// <summary>The permits of the queues with a rate.</summary>
    public RatePools Rates => rates;

    /// <summary>How many permits of each limited queue the slots of this process use.</summary>
    public IReadOnlyDictionary<string, int> Used => _pools.ToDictionary(pool => pool.Key, pool => pool.Value.Used, StringComparer.Ordinal);

    /// <summary>The permits of a queue; null where it has no limit.</summary>
    public PermitPool? Of(TaskQueue queue) => _pools.GetValueOrDefault(queue.Name);

    /// <summary>Gets and gives back permits for as long as the slots run: on the way out, too, others need not wait for the last of them.</summary>
    public async Task HoldWhileAsync(Task slots)
    {
        using CancellationTokenSource ended = new();
        Task holding = Task.WhenAll(_pools.Select(pool => Supervision.KeepAsync(
            token => HoldAsync(topology[pool.Key], pool.Value, token), failure => Ended(pool.Key, failure), new Backoff(clock, LongestInterval), ended.Token)).Append(rates.AskAsync(ended.Token)));
        if (_pools.Count > 0 || rates.AreThere)
        {
            telemetry.Meter.CreateObservableGauge("workqueue.queue.permits", Measure, "{permit}", "Permits of a limited queue that this process holds, by queue and kind.");
        }

        try
        {
            await slots;
        }
        finally
        {
            await ended.CancelAsync();
            await holding;
        }
    }

    private async Task HoldAsync(TaskQueue queue, PermitPool pool, CancellationToken stopping)
    {
        PermitTurns turns = new(pool, queue.MaxRunning!.Value, new PermitQueues(topology.PermitsOf(queue), publisher, clock), clock);
        OpenConnection open = await connection.WaitOpenAsync(stopping);
        TimeSpan pause = Interval;
        while (!open.Lost.IsCompleted)
        {
            // Who waits in vain asks less often.
            pause = !await turns.TurnAsync(open, stopping) ? Interval : 2 * pause < LongestInterval ? 2 * pause : LongestInterval;
            _problems.TryRemove(queue.Name, out _);
            await Task.WhenAny(open.Lost, Task.Delay(pause, clock, stopping));
            stopping.ThrowIfCancellationRequested();
        }
    }

    private IEnumerable<Measurement<long>> Measure() =>
    [
        .. Used.Select(held => Of(held, "running")),
        .. rates.Held.Select(held => Of(held, "rate")),
    ];

    private static Measurement<long> Of(KeyValuePair<string, int> held, string kind) =>
        new(held.Value, new("messaging.destination.name", held.Key), new("workqueue.permit.kind", kind));

    private void Ended(string queue, Exception? failure)
    {
        // Without a connection there is more to say than this.
        if (failure is not null && connection.Problem is null)
        {
            _problems[queue] = $"the permits of queue {queue} cannot be had: {failure.Message}";
            logger.NoPermits(queue, failure.Message);
        }
    }
}
