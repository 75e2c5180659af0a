using WorkQueue.Messaging;

namespace WorkQueue.Producer;

/// <summary>The call <c>/queues</c>.</summary>
internal static class QueueEndpoints
{
    public static void MapQueues(this IEndpointRouteBuilder app) =>
        app.MapGet("/queues", ListAsync)
            .WithTags("Queues")
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("ListQueues")
            .WithSummary("How full each queue is.");

    private static async Task<Page<QueueView>> ListAsync(IQueueCounts counts, ManagementClient management, CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, ManagedQueue>? managed = await management.QueuesAsync(cancellationToken);
        return new Page<QueueView>([.. counts.Current.Select(count => QueueView.Of(count, managed))], null);
    }
}

/// <summary>One queue.</summary>
/// <param name="Queue">Its name.</param>
/// <param name="Ready">Tasks waiting for a free worker.</param>
/// <param name="Consumers">Worker slots taking from it.</param>
/// <param name="Dead">Its dead letters.</param>
/// <param name="Unacknowledged">Tasks a worker has; null where the management API does not answer.</param>
/// <param name="PublishRate">Tasks coming in a second; likewise.</param>
/// <param name="AckRate">Tasks done a second; likewise.</param>
/// <param name="Note">Why something is null.</param>
internal sealed record QueueView(
    string Queue, long Ready, int Consumers, long Dead, long? Unacknowledged, double? PublishRate, double? AckRate, string? Note)
{
    public static QueueView Of(QueueCount count, IReadOnlyDictionary<string, ManagedQueue>? managed)
    {
        ManagedQueue? queue = managed?.GetValueOrDefault(count.BrokerName);
        string? note = queue is null ? "unacknowledged and rates come from RabbitMQ's management API, which does not answer (WorkQueue:ManagementUrl)" : null;
        return new QueueView(
            count.Queue, count.Ready, count.Consumers, count.Dead, queue?.Unacknowledged, queue?.Statistics?.Publish?.Rate, queue?.Statistics?.Ack?.Rate, note);
    }
}
