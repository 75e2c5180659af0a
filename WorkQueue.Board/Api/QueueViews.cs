using Microsoft.Extensions.Options;
using WorkQueue.Board.Broker;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The queues as the API and the board show them: from the broker, its management API and the history.</summary>
internal sealed class QueueViews(IQueueCounts counts, ITaskControl control, ManagementClient management, TaskProjection projection, TaskLookup lookup, PolicyWatch policies, IWorkerDirectory workers, IOptions<WorkQueueOptions> options)
{
    private const int MostKeys = 10;

    /// <summary>A row a queue; empty while the broker does not answer.</summary>
    public async Task<IReadOnlyList<QueueView>> ReadAsync(CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, ManagedQueue>? managed = await management.QueuesAsync(cancellationToken);
        IReadOnlyCollection<string> paused = control.PausedQueues;
        IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>>? tasks = lookup.State == "live" ? projection.Counts().ByQueue : null;
        IReadOnlyDictionary<string, TimeSpan>? waiting = lookup.State == "live" ? projection.OldestWaiting() : null;
        IReadOnlyList<WorkerInfo> alive = workers.Current;
        ILookup<string?, PolicyWarning> warnings = policies.Warnings.ToLookup(warning => warning.TaskQueue);
        return [.. counts.Current.Select(count => Of(count, managed, paused.Contains(count.Queue), tasks, PolicyWarning.Describe(warnings[count.Queue])) with
        {
            MaxRunning = options.Value.Queues.GetValueOrDefault(count.Queue)?.MaxRunning,
            Rate = options.Value.Queues.GetValueOrDefault(count.Queue)?.Rate?.Replace("/", " per ", StringComparison.Ordinal),
            Permits = options.Value.Queues.GetValueOrDefault(count.Queue)?.MaxRunning is null ? 0 : alive.Sum(worker => worker.Permits.GetValueOrDefault(count.Queue)),
            Lanes = [.. count.Lanes.Select(lane => Of(count.Queue, lane, alive))],
            // Of which key a task is the history alone tells.
            Keys = tasks is not null && count.Lanes.Count > 1 ? projection.WaitingKeys(count.Queue, MostKeys) : [],
            // Of events the history tells nothing.
            OldestWaiting = waiting is not null && waiting.TryGetValue(count.Queue, out TimeSpan oldest) ? oldest : null,
        })];
    }

    /// <summary>What policies do to what all queues share: the delay ladder, the streams.</summary>
    public IReadOnlyList<string> SharedWarnings => PolicyWarning.Describe(policies.Warnings.Where(warning => warning.TaskQueue is null));

    private static double? Sum(ManagedQueue?[] managed, Func<ManagedQueue, double?> figure) => managed.Aggregate((double?)0, (sum, queue) => queue is null ? null : sum + figure(queue));

    private static long? Sum(ManagedQueue?[] managed, Func<ManagedQueue, long?> figure) => managed.Aggregate((long?)0, (sum, queue) => queue is null ? null : sum + figure(queue));

    private static LaneView Of(string queue, LaneCount lane, IReadOnlyList<WorkerInfo> alive)
    {
        string key = lane.Name.Length == 0 ? queue : $"{queue}:{lane.Name}";
        return new LaneView(lane.Name, lane.BrokerName, lane.Ready, lane.Consumers, lane.Limit, lane.Limit is null ? 0 : alive.Sum(worker => worker.Permits.GetValueOrDefault(key))) { Rate = lane.Rate };
    }

    private QueueView Of(
        QueueCount count, IReadOnlyDictionary<string, ManagedQueue>? all, bool paused, IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>>? tasks, IReadOnlyList<string> warnings)
    {
        ManagedQueue?[] managed = [.. count.Lanes.Count == 0 ? [all?.GetValueOrDefault(count.BrokerName)] : count.Lanes.Select(lane => all?.GetValueOrDefault(lane.BrokerName))];
        long? delayed = tasks is null ? null
            : tasks.TryGetValue(count.Queue, out IReadOnlyDictionary<TaskState, long>? states) ? states[TaskState.Scheduled] + states[TaskState.Retrying] : 0;
        string[] notes =
        [
            .. managed.Contains(null) ? ["unacknowledged and rates come from RabbitMQ's management API, which does not answer (WorkQueue:ManagementUrl)"] : Array.Empty<string>(),
            .. tasks is null ? [$"delayed comes from the history of tasks, which is {lookup.State}"] : Array.Empty<string>(),
        ];
        return new QueueView(
            count.Queue, count.BrokerName, paused, count.Ready, Sum(managed, queue => queue.Unacknowledged), delayed, count.Dead, count.Consumers,
            Sum(managed, queue => queue.Statistics?.Publish?.Rate), Sum(managed, queue => queue.Statistics?.Ack?.Rate), notes.Length == 0 ? null : string.Join("; ", notes), warnings);
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

    /// <summary>The keys whose tasks wait, those that have waited the longest first, at most ten; none where the queue has no lanes, or the history does not tell.</summary>
    public IReadOnlyList<WaitingKey> Keys { get; init; } = [];

    /// <summary>The queues on the broker that its tasks are in, where it has more than one; else none.</summary>
    public IReadOnlyList<LaneView> Lanes { get; init; } = [];
}

/// <summary>One lane of a queue.</summary>
/// <param name="Name">Which it is: <c>high</c>, <c>low</c>, <c>lane-2</c>, <c>type-send-mail</c>; empty for the first.</param>
/// <param name="BrokerName">Its name on the broker.</param>
/// <param name="Ready">Tasks waiting in it.</param>
/// <param name="Consumers">Worker slots taking from it.</param>
/// <param name="MaxRunning">How many of its tasks may run at once, over all workers; null for no limit of its own.</param>
/// <param name="Permits">How many of those permits workers hold.</param>
internal sealed record LaneView(string Name, string BrokerName, long Ready, int Consumers, int? MaxRunning, int Permits)
{
    /// <summary>How many of its tasks may start in a time, over all workers; null for no rate of its own.</summary>
    public string? Rate { get; init; }
}

/// <summary>The queues.</summary>
/// <param name="Items">A row a queue.</param>
/// <param name="Next">Null: it is always the whole list.</param>
/// <param name="Warnings">The policies that work against what all queues share: the delay ladder, the streams.</param>
internal sealed record QueueList(IReadOnlyList<QueueView> Items, string? Next, IReadOnlyList<string> Warnings);
