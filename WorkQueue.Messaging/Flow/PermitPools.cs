using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>The permits of the limited queues. They are held by the connection that takes tasks: what ends one ends the other.</summary>
internal sealed class PermitPools(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TimeProvider clock, ILogger<PermitPools> logger)
{
    private readonly Dictionary<string, PermitPool> _pools = topology.Queues.Where(queue => queue.MaxRunning is not null)
        .ToDictionary(queue => queue.Name, queue => new PermitPool(queue.Name, topology.PermitsOf(queue), queue.MaxRunning!.Value, connection, clock, logger), StringComparer.Ordinal);

    /// <summary>The permits of a queue; null where it has no limit.</summary>
    public PermitPool? Of(TaskQueue queue) => _pools.GetValueOrDefault(queue.Name);

    /// <summary>Why permits of a queue cannot be had; null while they can.</summary>
    public string? Problem => _pools.Values.Select(pool => pool.Problem).FirstOrDefault(problem => problem is not null);

    /// <summary>How many permits of each limited queue the slots of this process use.</summary>
    public IReadOnlyDictionary<string, int> Used => _pools.ToDictionary(pool => pool.Key, pool => pool.Value.Used, StringComparer.Ordinal);

    /// <summary>Gets and gives back permits for as long as the slots run: on the way out, too, others need not wait for the last of them.</summary>
    public async Task HoldWhileAsync(Task slots)
    {
        using CancellationTokenSource ended = new();
        Task holding = Task.WhenAll(_pools.Values.Select(pool => pool.RunAsync(ended.Token)));
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
}
