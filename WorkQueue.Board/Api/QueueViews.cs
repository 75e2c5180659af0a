using Microsoft.Extensions.Options;
using WorkQueue.Board.Broker;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The queues as the API and the board show them: from the broker, its management API and the history.</summary>
internal sealed class QueueViews(IQueueCounts counts, ITaskControl control, ManagementClient management, TaskProjection projection, TaskLookup lookup, PolicyWatch policies, IWorkerDirectory workers, IOptions<WorkQueueOptions> options)
{
    /// <summary>A row a queue; empty while the broker does not answer.</summary>
    public async Task<IReadOnlyList<QueueView>> ReadAsync(CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, ManagedQueue>? managed = await management.QueuesAsync(cancellationToken);
        IReadOnlyCollection<string> paused = control.PausedQueues;
        IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>>? tasks = lookup.State == "live" ? projection.Counts().ByQueue : null;
        IReadOnlyDictionary<string, TimeSpan>? waiting = lookup.State == "live" ? projection.OldestWaiting() : null;
        IReadOnlyList<WorkerInfo> alive = workers.Current;
        ILookup<string?, PolicyWarning> warnings = policies.Warnings.ToLookup(warning => warning.TaskQueue);
        return [.. counts.Current.Select(count => Of(count, managed?.GetValueOrDefault(count.BrokerName), paused.Contains(count.Queue), tasks, PolicyWarning.Describe(warnings[count.Queue])) with
        {
            MaxRunning = options.Value.Queues.GetValueOrDefault(count.Queue)?.MaxRunning,
            Rate = options.Value.Queues.GetValueOrDefault(count.Queue)?.Rate?.Replace("/", " per ", StringComparison.Ordinal),
            Permits = alive.Sum(worker => worker.Permits.GetValueOrDefault(count.Queue)),
            // Of events the history tells nothing.
            OldestWaiting = waiting is not null && waiting.TryGetValue(count.Queue, out TimeSpan oldest) ? oldest : null,
        })];
    }

    /// <summary>What policies do to what all queues share: the delay ladder, the streams.</summary>
    public IReadOnlyList<string> SharedWarnings => PolicyWarning.Describe(policies.Warnings.Where(warning => warning.TaskQueue is null));

    private QueueView Of(
        QueueCount count, ManagedQueue? managed, bool paused, IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>>? tasks, IReadOnlyList<string> warnings)
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
            managed?.Statistics?.Publish?.Rate, managed?.Statistics?.Ack?.Rate, notes.Length == 0 ? null : string.Join("; ", notes), warnings);
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
/// <param name="Warnings">The policies of the broker that make its tasks early, late or lost; empty where the management API does not answer.</param>
internal sealed record QueueView(
    string Name, string BrokerName, bool Paused, long Ready, long? Unacknowledged, long? Delayed, long Dead, int Consumers, double? PublishRate, double? AckRate, string? Note,
    IReadOnlyList<string> Warnings)
{
    /// <summary>How long the task has waited that has been queued the longest; null where none is, or the history does not tell.</summary>
    public TimeSpan? OldestWaiting { get; init; }

    /// <summary>How many of its tasks may run at once, over all workers; null for any number.</summary>
    public int? MaxRunning { get; init; }

    /// <summary>How many of its tasks may start in a time, over all workers; null for any number.</summary>
    public string? Rate { get; init; }

    /// <summary>How many of the permits to run at once workers hold.</summary>
    public int Permits { get; init; }
}

/// <summary>The queues.</summary>
/// <param name="Items">A row a queue.</param>
/// <param name="Next">Null: it is always the whole list.</param>
/// <param name="Warnings">The policies that work against what all queues share: the delay ladder, the streams.</param>
internal sealed record QueueList(IReadOnlyList<QueueView> Items, string? Next, IReadOnlyList<string> Warnings);
