using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>The permits of the limited queues, or of their lanes. They are held by the connection that takes tasks: what ends one ends the other.</summary>
internal sealed class PermitPools(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, IPublisher publisher, TaskTopology topology, RatePools rates, WorkQueueTelemetry telemetry, TimeProvider clock, ILogger<PermitPools> logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(1);

    // By what is limited: the name of a queue, or the key of a lane.
    private readonly Dictionary<string, NamedLimit> _limits = topology.Queues.SelectMany(queue => LimitsOf(queue, clock)).ToDictionary(limit => limit.Name, StringComparer.Ordinal);

    // By queue: that one has its permits says nothing of the others.
    private readonly ConcurrentDictionary<string, string> _problems = new(StringComparer.Ordinal);

    /// <summary>Why permits cannot be had; null while they can, and where no queue is limited.</summary>
    public string? Problem => _limits.Count == 0 && !Rates.AreThere ? null : connection.Problem ?? _problems.Values.FirstOrDefault() ?? Rates.Problem;

    /// <summary>The permits of the queues with a rate.</summary>
    public RatePools Rates => rates;

    /// <summary>How many permits of each limited queue the slots of this process use, and of each lane of which they use some.</summary>
    public IReadOnlyDictionary<string, int> Used => _limits.Values.Select(limit => (limit.Name, limit.IsLane, limit.Pool.Used)).Where(limit => limit.Used > 0 || !limit.IsLane)
        .ToDictionary(limit => limit.Name, limit => limit.Used, StringComparer.Ordinal);

    /// <summary>The permits by which tasks of a lane run; null where there is no limit.</summary>
    public PermitPool? Of(TaskLane lane) => _limits.Count == 0 ? null : _limits.GetValueOrDefault(lane.Limit is null ? lane.Queue.Name : lane.Key)?.Pool;

    /// <summary>Gets and gives back permits for as long as the slots run: on the way out, too, others need not wait for the last of them.</summary>
    public async Task HoldWhileAsync(Task slots)
    {
        using CancellationTokenSource ended = new();
        Task holding = Task.WhenAll(_limits.Values.Select(limit => Supervision.KeepAsync(
            token => HoldAsync(limit, token), failure => Ended(limit.Name, failure), new Backoff(clock, LongestInterval), ended.Token)).Append(rates.AskAsync(ended.Token)));
        if (_limits.Count > 0 || rates.AreThere)
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

    private async Task HoldAsync(NamedLimit limit, CancellationToken stopping)
    {
        PermitTurns turns = new(limit.Pool, limit.Most, new PermitQueues(topology.PermitsOf(limit.Name), publisher, clock), clock);
        OpenConnection open = await connection.WaitOpenAsync(stopping);
        TimeSpan pause = Interval;
        while (!open.Lost.IsCompleted)
        {
            // Who waits in vain asks less often.
            pause = !await turns.TurnAsync(open, stopping) ? Interval : 2 * pause < LongestInterval ? 2 * pause : LongestInterval;
            _problems.TryRemove(limit.Name, out _);
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

    private static IEnumerable<NamedLimit> LimitsOf(TaskQueue queue, TimeProvider clock) =>
    [
        .. queue.MaxRunning is { } most ? [new NamedLimit(queue.Name, false, most, new PermitPool(clock))] : (NamedLimit[])[],
        .. queue.Lanes.All.Where(lane => lane.Limit is not null).Select(lane => new NamedLimit(lane.Key, true, lane.Limit!.Value, new PermitPool(clock))),
    ];

    private sealed record NamedLimit(string Name, bool IsLane, int Most, PermitPool Pool);
}
