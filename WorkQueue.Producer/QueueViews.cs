using WorkQueue.Messaging;
using WorkQueue.Producer.History;

namespace WorkQueue.Producer;

/// <summary>The queues as the API and the board show them: from the broker, its management API and the history.</summary>
internal sealed class QueueViews(IQueueCounts counts, ITaskControl control, ManagementClient management, TaskProjection projection, TaskLookup lookup)
{
    /// <summary>A row a queue; empty while the broker does not answer.</summary>
    public async Task<IReadOnlyList<QueueView>> ReadAsync(CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, ManagedQueue>? managed = await management.QueuesAsync(cancellationToken);
        IReadOnlyCollection<string> paused = control.PausedQueues;
        IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>>? tasks = lookup.State == "live" ? projection.Counts().ByQueue : null;
        return [.. counts.Current.Select(count => Of(count, managed?.GetValueOrDefault(count.BrokerName), paused.Contains(count.Queue), tasks))];
    }

    private QueueView Of(QueueCount count, ManagedQueue? managed, bool paused, IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>>? tasks)
    {
        long? delayed = tasks is null ? null
            : tasks.TryGetValue(count.Queue, out IReadOnlyDictionary<TaskState, long>? states) ? states[TaskState.Scheduled] + states[TaskState.Retrying] : 0;
        string[] notes =
        [
            .. managed is null ? ["unacknowledged and rates come from RabbitMQ's management API, which does not answer (WorkQueue:ManagementUrl)"] : Array.Empty<string>(),
            .. tasks is null ? [$"delayed comes from the history of tasks, which is {lookup.State}"] : Array.Empty<string>(),
        ];
        return new QueueView(
            count.Queue, count.BrokerName, paused, count.Ready, managed?.Unacknowledged, delayed, count.Dead, count.Consumers,
            managed?.Statistics?.Publish?.Rate, managed?.Statistics?.Ack?.Rate, notes.Length == 0 ? null : string.Join("; ", notes));
    }
}

/// <summary>One queue.</summary>
/// <param name="Name">Its name in the settings.</param>
/// <param name="BrokerName">Its name on the broker.</param>
/// <param name="Paused">Whether workers take nothing from it.</param>
/// <param name="Ready">Tasks waiting for a free worker.</param>
/// <param name="Unacknowledged">Tasks a worker has; null where the management API does not answer.</param>
/// <param name="Delayed">Tasks waiting for their time; null where the history does not tell.</param>
/// <param name="Dead">Its dead letters.</param>
/// <param name="Consumers">Worker slots taking from it.</param>
/// <param name="PublishRate">Tasks coming in a second; null where the management API does not answer.</param>
/// <param name="AckRate">Tasks done a second; likewise.</param>
/// <param name="Note">Why something is null.</param>
internal sealed record QueueView(
    string Name, string BrokerName, bool Paused, long Ready, long? Unacknowledged, long? Delayed, long Dead, int Consumers, double? PublishRate, double? AckRate, string? Note);
