using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Schedules;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Hosting;

/// <summary>Checks the settings when the host starts. Each message names the whole key, the value and what is allowed.</summary>
internal sealed class WorkQueueOptionsValidator : IValidateOptions<WorkQueueOptions>
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    public ValidateOptionsResult Validate(string? name, WorkQueueOptions options)
    {
        List<string> problems =
        [
            .. Of(Names.IsValid(options.Prefix), "Prefix", options.Prefix, Names.Rule),
            .. InRange("ConfirmTimeout", options.ConfirmTimeout, Second, TimeSpan.FromMinutes(10)),
            .. Of(options.PublishWindow is >= 1 and <= 100, "PublishWindow", options.PublishWindow, "1 to 100"),
            .. InRange("Heartbeat", options.Heartbeat, Second, TimeSpan.FromMinutes(10)),
            .. Of(options.MaxPayloadBytes is >= 1 and <= 16 * 1024 * 1024, "MaxPayloadBytes", options.MaxPayloadBytes, "1 to 16777216"),
            .. InRange("BrokerConsumerTimeout", options.BrokerConsumerTimeout, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30)),
            .. Of(Enum.IsDefined(options.History), "History", options.History, string.Join(", ", Enum.GetNames<HistoryMode>())),
            .. InRange("HistoryRetention", options.HistoryRetention, TimeSpan.FromDays(Math.Ceiling(DelayLadder.Longest.TotalDays)), TimeSpan.FromDays(3650)),
            .. Of(options.HistoryMaxBytes >= 100_000_000, "HistoryMaxBytes", options.HistoryMaxBytes, "100000000 or more"),
            .. Of(options.MaxResultBytes is >= 0 and <= 1024 * 1024, "MaxResultBytes", options.MaxResultBytes, "0 to 1048576"),
            .. options.Queues.SelectMany(queue => Queue(queue.Key, queue.Value)),
            .. FlowValidation.Problems(options),
            .. options.SubscriptionNames.SelectMany(name => Of(Names.IsValid(name), "Subscriptions", name, $"names of {Names.Rule}, separated by commas")),
            .. Of(Enum.IsDefined(options.TraceLinks), "TraceLinks", options.TraceLinks, string.Join(", ", Enum.GetNames<TraceLinks>())),
            .. options.Queues.Where(queue => queue.Value.Name is not null).GroupBy(queue => queue.Value.Name).Where(same => same.Count() > 1)
                .SelectMany(same => Of(false, $"Queues:{same.Last().Key}:Name", same.Key, "a name no other queue has")),
            .. options.Types.SelectMany(type => TaskType(type.Key, type.Value, options)),
            .. options.Schedules.SelectMany(schedule => Schedule(schedule.Key, schedule.Value, options)),
            .. Worker(options),
            .. ExistingFile("Tls:TrustedCertificate", options.Tls.TrustedCertificate),
            .. ExistingFile("Tls:ClientCertificate", options.Tls.ClientCertificate),
            .. Delays("Retry:Delays", options.Retry.Delays),
            .. Of(options.Retry.Jitter is >= 0 and <= 1, "Retry:Jitter", options.Retry.Jitter, "0 to 1"),
        ];
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Queue(string name, QueueOptions queue) =>
    [
        .. Of(Names.IsValid(name) && !Names.IsReserved(name), $"Queues:{name}", name, $"a name of {Names.Rule}, and none of {Names.ReservedList}"),
        .. Of(queue.Name is null or { Length: >= 1 and <= 200 }, $"Queues:{name}:Name", queue.Name, "1 to 200 characters"),
        .. Of(Enum.IsDefined(queue.Type), $"Queues:{name}:Type", queue.Type, string.Join(", ", Enum.GetNames<TaskQueueType>())),
        .. Of(queue.MaxLength is null or >= 1, $"Queues:{name}:MaxLength", queue.MaxLength, "1 or more, or none"),
        .. Of(queue.DeliveryLimit is >= 1 and <= 1_000_000, $"Queues:{name}:DeliveryLimit", queue.DeliveryLimit, "1 to 1000000"),
        .. Of(queue.DefaultType is null || Names.IsValid(queue.DefaultType), $"Queues:{name}:DefaultType", queue.DefaultType, Names.Rule),
    ];

    private static IEnumerable<string> TaskType(string name, TaskTypeOptions type, WorkQueueOptions options) =>
    [
        .. Of(Names.IsValid(name), $"Types:{name}", name, $"a name of {Names.Rule}"),
        .. Of(IsQueue(type.Queue, options), $"Types:{name}:Queue", type.Queue, QueueList(options)),
        .. type.Timeout is { } timeout ? Timeout($"Types:{name}:Timeout", timeout, options) : [],
        .. Delays($"Types:{name}:RetryDelays", type.RetryDelays),
    ];

    private static IEnumerable<string> Schedule(string name, ScheduleOptions schedule, WorkQueueOptions options) =>
    [
        .. Of(Names.IsValid(schedule.Type) && (options.Types.Count == 0 || options.Types.ContainsKey(schedule.Type)), $"Schedules:{name}:Type", schedule.Type, options.Types.Count == 0 ? Names.Rule : string.Join(", ", options.Types.Keys.Order())),
        .. Of(schedule.Queue is null || IsQueue(schedule.Queue, options), $"Schedules:{name}:Queue", schedule.Queue, QueueList(options)),
        .. ScheduleRules.Problem(name, schedule, TimeProvider.System.GetUtcNow()) is { } problem ? [$"{WorkQueueOptions.Section}:Schedules:{name} cannot be: {problem}"] : (string[])[],
    ];

    private static IEnumerable<string> Worker(WorkQueueOptions options) =>
    [
        .. Of(
            options.Worker.QueueNames.All(queue => IsQueue(queue, options)) && options.Worker.QueueNames.Distinct().Count() == options.Worker.QueueNames.Count,
            "Worker:Queues", options.Worker.Queues, $"one or more of {QueueList(options)}, separated by commas, each once"),
        .. Of(options.Worker.Concurrency is >= 1 and <= 1024, "Worker:Concurrency", options.Worker.Concurrency, "1 to 1024"),
        .. Of(options.Worker.Prefetch is "1" or WorkerOptions.Adaptive, "Worker:Prefetch", options.Worker.Prefetch, $"1 or {WorkerOptions.Adaptive}; for more at once there is Worker:Concurrency"),
        .. InRange("Worker:HoldBudget", options.Worker.HoldBudget, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(10)),
        .. Timeout("Worker:TaskTimeout", options.Worker.TaskTimeout, options),
        .. InRange("Worker:CancelGrace", options.Worker.CancelGrace, TimeSpan.Zero, TimeSpan.FromMinutes(10)),
        .. InRange("Worker:UnknownTypeGrace", options.Worker.UnknownTypeGrace, TimeSpan.Zero, TimeSpan.FromDays(1)),
        .. InRange("Worker:DrainTimeout", options.Worker.DrainTimeout, TimeSpan.Zero, TimeSpan.FromHours(1)),
    ];

    // The broker takes a task back, and runs it again elsewhere, when it is unacknowledged for longer than its limit.
    private static IEnumerable<string> Timeout(string key, TimeSpan timeout, WorkQueueOptions options) => Of(
        timeout > TimeSpan.Zero && timeout + options.Worker.CancelGrace < options.BrokerConsumerTimeout, key, timeout,
        $"more than 0 and, with Worker:CancelGrace, less than {WorkQueueOptions.Section}:BrokerConsumerTimeout ({options.BrokerConsumerTimeout}), after which the broker takes the task back");

    private static IEnumerable<string> Delays(string key, IReadOnlyList<TimeSpan>? delays) =>
        (delays ?? []).SelectMany((delay, index) => InRange($"{key}:{index}", delay, TimeSpan.Zero, TimeSpan.FromDays(40)));

    private static IEnumerable<string> ExistingFile(string key, string? path) => Of(path is null || File.Exists(path), key, path, "a file that exists");

    private static IEnumerable<string> InRange(string key, TimeSpan value, TimeSpan from, TimeSpan to) =>
        Of(value >= from && value <= to, key, value, $"{from} to {to}");

    private static bool IsQueue(string queue, WorkQueueOptions options) => queue == WorkQueueOptions.DefaultQueue || options.Queues.ContainsKey(queue);

    private static string QueueList(WorkQueueOptions options) => string.Join(", ", options.Queues.Keys.Append(WorkQueueOptions.DefaultQueue).Distinct().Order());

    internal static IEnumerable<string> Of(bool valid, string key, object? value, string allowed) =>
        valid ? [] : [$"{WorkQueueOptions.Section}:{key} is '{value}'; allowed: {allowed}."];
}
