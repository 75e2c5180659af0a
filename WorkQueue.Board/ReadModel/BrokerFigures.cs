using WorkQueue.Board.Broker;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>What the broker has, all queues together; null is what is not known.</summary>
/// <param name="Ready">Waiting for a worker.</param>
/// <param name="Unacknowledged">With a worker.</param>
/// <param name="Delayed">Waiting for their time, or for a queue that was missing when it came.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="Unreadable">Messages that cannot be read, set aside.</param>
internal sealed record BrokerTotals(long? Ready, long? Unacknowledged, long? Delayed, long? Dead, long? Unreadable = null)
{
    /// <summary>The queues that surely have nothing, neither ready nor with a worker.</summary>
    public IReadOnlyCollection<string> Empty { get; init; } = [];
}

/// <summary>Adds up what the broker says of its queues.</summary>
internal sealed class BrokerFigures(IQueueCounts counts, ManagementClient management)
{
    public async Task<BrokerTotals> ReadAsync(CancellationToken cancellationToken)
    {
        // The history is of tasks: events of a subscription are none.
        QueueCount[] queues = [.. counts.Current.Where(queue => !queue.IsSubscription)];
        if (queues.Length == 0)
        {
            return new BrokerTotals(null, null, null, null);
        }

        IReadOnlyDictionary<string, ManagedQueue>? managed = await management.QueuesAsync(cancellationToken);
        // A sum with an unknown part is unknown.
        long? unacknowledged = queues.Aggregate((long?)0, (sum, queue) => sum + managed?.GetValueOrDefault(queue.BrokerName)?.Unacknowledged);
        return new BrokerTotals(queues.Sum(queue => queue.Ready), unacknowledged, counts.Delayed + counts.Unrouted, queues.Sum(queue => queue.Dead), counts.Unreadable)
        {
            Empty = [.. queues.Where(queue => queue.Ready == 0 && managed?.GetValueOrDefault(queue.BrokerName)?.Unacknowledged == 0).Select(queue => queue.Queue)],
        };
    }
}
