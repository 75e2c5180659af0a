using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>What the broker has, all queues together; null is what is not known.</summary>
/// <param name="Ready">Waiting for a worker.</param>
/// <param name="Unacknowledged">With a worker.</param>
/// <param name="Delayed">Waiting for their time.</param>
/// <param name="Dead">Dead letters.</param>
internal sealed record BrokerTotals(long? Ready, long? Unacknowledged, long? Delayed, long? Dead);

/// <summary>Adds up what the broker says of its queues.</summary>
internal sealed class BrokerFigures(IQueueCounts counts, ManagementClient management)
{
    public async Task<BrokerTotals> ReadAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<QueueCount> queues = counts.Current;
        if (queues.Count == 0)
        {
            return new BrokerTotals(null, null, null, null);
        }

        IReadOnlyDictionary<string, ManagedQueue>? managed = await management.QueuesAsync(cancellationToken);
        // A sum with an unknown part is unknown.
        long? unacknowledged = queues.Aggregate((long?)0, (sum, queue) => sum + managed?.GetValueOrDefault(queue.BrokerName)?.Unacknowledged);
        return new BrokerTotals(queues.Sum(queue => queue.Ready), unacknowledged, DelayedOf(counts), queues.Sum(queue => queue.Dead));
    }

    // The queue counts do not tell of the delay ladder yet.
    private static long? DelayedOf(IQueueCounts counts) => counts.Current.Count == 0 ? 0 : null;
}
