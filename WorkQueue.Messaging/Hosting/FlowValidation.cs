using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Hosting;

/// <summary>Checks the settings of limits, rates, lanes and priorities, and what of them does not go together.</summary>
internal static class FlowValidation
{
    private const int MostLanes = 256;

    public static IEnumerable<string> Problems(WorkQueueOptions options) =>
    [
        .. options.Queues.SelectMany(queue => Queue(queue.Key, queue.Value)),
        .. options.Types.SelectMany(type => TaskType(type.Key, type.Value, options)),
    ];

    private static IEnumerable<string> Queue(string name, QueueOptions queue)
    {
        string key = $"Queues:{name}";
        bool isOne = !queue.Priorities && queue.Lanes is null;
        return
        [
            .. Limit($"{key}:MaxRunning", queue.MaxRunning),
            .. Limit($"{key}:MaxRunningPerKey", queue.MaxRunningPerKey),
            .. Rate($"{key}:Rate", queue.Rate),
            .. Rate($"{key}:RatePerKey", queue.RatePerKey),
            .. Of(queue.Lanes is null or (>= 1 and <= MostLanes), $"{key}:Lanes", queue.Lanes, $"1 to {MostLanes}, or none"),
            .. Of(!queue.Priorities || queue.Lanes is null, $"{key}:Priorities", queue.Priorities, $"false where {key}:Lanes is set: a queue has priorities or lanes"),
            .. Of(queue.MaxRunningPerKey is null || queue.Lanes is not null, $"{key}:MaxRunningPerKey", queue.MaxRunningPerKey, $"none, or {key}:Lanes set too: it is kept in each lane"),
            .. Of(queue.MaxRunningPerKey is null || queue.MaxRunning is null, $"{key}:MaxRunningPerKey", queue.MaxRunningPerKey, $"none where {key}:MaxRunning is set: a queue has one limit"),
            .. Of(queue.RatePerKey is null || queue.Lanes is not null, $"{key}:RatePerKey", queue.RatePerKey, $"none, or {key}:Lanes set too: it is kept in each lane"),
            .. Of(queue.RatePerKey is null || queue.Rate is null, $"{key}:RatePerKey", queue.RatePerKey, $"none where {key}:Rate is set: a queue has one rate"),
            .. Of(!queue.Ordered || queue.Lanes is not null, $"{key}:Ordered", queue.Ordered, $"false, or {key}:Lanes set too: 1 for one order of all tasks"),
            .. Of(!queue.Ordered || queue is { MaxRunning: null, MaxRunningPerKey: null }, $"{key}:Ordered", queue.Ordered, $"false where {key}:MaxRunning or MaxRunningPerKey is set: one task of a lane runs at a time"),
            .. Of(!queue.Ordered || queue is { Rate: null, RatePerKey: null }, $"{key}:Ordered", queue.Ordered, $"false where {key}:Rate or RatePerKey is set: a retry in an ordered lane starts without a permit"),
            .. Of(!queue.Ordered || queue.Type == TaskQueueType.Quorum, $"{key}:Ordered", queue.Ordered, $"false where {key}:Type is Classic"),
            .. Of(isOne || queue.Name is null, $"{key}:{(queue.Priorities ? "Priorities" : "Lanes")}", queue.Priorities ? queue.Priorities : queue.Lanes, $"none where {key}:Name is set: other programs know one queue by that name"),
        ];
    }

    private static IEnumerable<string> TaskType(string name, TaskTypeOptions type, WorkQueueOptions options)
    {
        QueueOptions? queue = options.Queues.GetValueOrDefault(type.Queue);
        return
        [
            .. Limit($"Types:{name}:MaxRunning", type.MaxRunning),
            .. Of(
                type.MaxRunning is null || queue is null or { Priorities: false, Lanes: null, MaxRunning: null, Name: null }, $"Types:{name}:MaxRunning", type.MaxRunning,
                $"none where Queues:{type.Queue} has Priorities, Lanes, a MaxRunning or a Name of its own: the type has its own queue on the broker, and a task is in one"),
            .. Rate($"Types:{name}:Rate", type.Rate),
            .. Of(
                type.Rate is null || queue is null or { Priorities: false, Lanes: null, Rate: null, Name: null }, $"Types:{name}:Rate", type.Rate,
                $"none where Queues:{type.Queue} has Priorities, Lanes, a Rate or a Name of its own: the type has its own queue on the broker, and a task is in one"),
        ];
    }

    private static IEnumerable<string> Limit(string key, int? most) => Of(most is null or (>= 1 and <= 1000), key, most, "1 to 1000, or none");

    private static IEnumerable<string> Rate(string key, string? rate) => Of(rate is null || TaskRate.Read(rate) is not null, key, rate, $"{TaskRate.Rule}, or none");

    private static IEnumerable<string> Of(bool valid, string key, object? value, string allowed) => WorkQueueOptionsValidator.Of(valid, key, value, allowed);
}
