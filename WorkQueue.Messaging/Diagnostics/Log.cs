using Microsoft.Extensions.Logging;

namespace WorkQueue.Messaging.Diagnostics;

/// <summary>Every log message of the library. 11xx publishing, 21xx consuming, 31xx connections and topology, 41xx history, 32xx, in <see cref="LeaderMessages"/>, what one process does for all. None carries a payload.</summary>
internal static partial class Log
{
    [LoggerMessage(1101, LogLevel.Debug, "Task {TaskId} ({Type}) is in queue {Queue}")]
    public static partial void Enqueued(this ILogger logger, string taskId, string type, string queue);

    [LoggerMessage(2101, LogLevel.Information, "Taking tasks from queue(s) {Queue} with {Slots} slot(s), one task each; handlers for {Types}")]
    public static partial void TakingTasks(this ILogger logger, string queue, int slots, IReadOnlyList<string> types);

    [LoggerMessage(2126, LogLevel.Warning, "Task type {Type} is in the settings (WorkQueue:Types, or a DefaultType) and has no handler in this worker, which takes from its queue {Queue}: a task of it that comes here waits for a worker that has one, and is a dead letter after WorkQueue:Worker:UnknownTypeGrace. Add its handler here, or give it a queue of its own")]
    public static partial void TypeWithoutHandler(this ILogger logger, string type, string queue);

    [LoggerMessage(2131, LogLevel.Warning, "A task of type {Type} has come from queue {Queue}, and this worker has no handler for it: such tasks are left to other workers, up to {Grace} each (WorkQueue:Worker:UnknownTypeGrace), before they are dead letters. Told once for each type")]
    public static partial void UnknownType(this ILogger logger, string type, string queue, TimeSpan grace);

    [LoggerMessage(2132, LogLevel.Debug, "Task {TaskId} ({Type}) is left to other workers: {Reason}")]
    public static partial void TaskLeftToOthers(this ILogger logger, string taskId, string type, string reason);

    [LoggerMessage(2102, LogLevel.Debug, "Task {TaskId} ({Type}) attempt {Attempt} received")]
    public static partial void TaskReceived(this ILogger logger, string taskId, string type, int attempt);

    [LoggerMessage(2103, LogLevel.Information, "Task {TaskId} ({Type}) done after {Seconds:0.0} s")]
    public static partial void TaskDone(this ILogger logger, string taskId, string type, double seconds);

    [LoggerMessage(2104, LogLevel.Warning, "Task {TaskId} ({Type}) failed attempt {Attempt}; the next one starts in {Seconds:0.0} s: {Reason}")]
    public static partial void TaskRetrying(this ILogger logger, string taskId, string type, int attempt, double seconds, string reason);

    [LoggerMessage(2105, LogLevel.Error, "Task {TaskId} ({Type}) is dead-lettered after attempt {Attempt}: {Reason}")]
    public static partial void TaskDeadLettered(this ILogger logger, string taskId, string type, int attempt, string reason);

    [LoggerMessage(2106, LogLevel.Warning, "Task {TaskId} ({Type}) goes back to its queue, not counted as an attempt: {Reason}")]
    public static partial void TaskReturned(this ILogger logger, string taskId, string type, string reason);

    [LoggerMessage(2107, LogLevel.Warning, "Task {TaskId} ({Type}) was taken back by the broker while it ran; its result does not count and it will run again")]
    public static partial void TaskTakenBack(this ILogger logger, string taskId, string type);

    [LoggerMessage(2108, LogLevel.Warning, "Slot {Slot} on queue {Queue} stopped taking tasks ({Reason}); it starts again")]
    public static partial void SlotInterrupted(this ILogger logger, int slot, string queue, string reason);

    [LoggerMessage(2109, LogLevel.Error, "Task {TaskId} ({Type}) goes on {Grace} after it was told to stop; the worker goes on without it. Make its handler observe TaskContext.CancellationToken")]
    public static partial void HandlerIgnoresCancellation(this ILogger logger, string taskId, string type, TimeSpan grace);

    [LoggerMessage(2110, LogLevel.Warning, "Task {TaskId} could not be moved on ({Reason}); trying again")]
    public static partial void SettleDelayed(this ILogger logger, string taskId, string reason);

    [LoggerMessage(2111, LogLevel.Warning, "Task {TaskId} ({Type}) attempt {Attempt} has thrown")]
    public static partial void TaskException(this ILogger logger, Exception exception, string taskId, string type, int attempt);

    [LoggerMessage(2125, LogLevel.Warning, "Task {TaskId} has thrown a {Exception}, which cannot be written as a text")]
    public static partial void TaskExceptionUnreadable(this ILogger logger, string taskId, string? exception);

    [LoggerMessage(2113, LogLevel.Warning, "Task {TaskId} ({Type}) is cancelled")]
    public static partial void TaskCancelled(this ILogger logger, string taskId, string type);

    [LoggerMessage(2114, LogLevel.Warning, "The result of task {TaskId} ({Type}) cannot be kept: {Reason}")]
    public static partial void ResultNotKept(this ILogger logger, string taskId, string type, string reason);

    [LoggerMessage(2115, LogLevel.Information, "Queue {Queue} is paused")]
    public static partial void QueuePaused(this ILogger logger, string queue);

    [LoggerMessage(2116, LogLevel.Information, "Queue {Queue} is taken from again")]
    public static partial void QueueResumed(this ILogger logger, string queue);

    [LoggerMessage(2122, LogLevel.Warning, "Task {TaskId} ({Type}): {Reason}. Something cuts the delay ladder short, a policy with message-ttl for example, or the clock of this machine is behind")]
    public static partial void TaskTooEarly(this ILogger logger, string taskId, string type, string reason);

    [LoggerMessage(2124, LogLevel.Warning, "The services of task {TaskId} ({Type}) could not be disposed of; what it has come to stands. {Error}: {Text}")]
    public static partial void ServicesNotDisposed(this ILogger logger, string taskId, string type, string error, string text);

    [LoggerMessage(2130, LogLevel.Debug, "Task {TaskId} ({Type}) goes on as task {Next} ({NextType})")]
    public static partial void ChainGoesOn(this ILogger logger, string taskId, string type, string next, string nextType);

    [LoggerMessage(4101, LogLevel.Warning, "The record '{State}' of task {TaskId} is not in the history yet ({Reason}); it will be sent again")]
    public static partial void HistoryDelayed(this ILogger logger, string state, string taskId, string reason);

    [LoggerMessage(4102, LogLevel.Error, "The record '{State}' of task {TaskId} is lost for the history: {Count} wait already")]
    public static partial void HistoryLost(this ILogger logger, string state, string taskId, int count);

    [LoggerMessage(4103, LogLevel.Information, "{Count} records have reached the history late")]
    public static partial void HistoryCaughtUp(this ILogger logger, int count);

    [LoggerMessage(4106, LogLevel.Error, "{Count} records had not reached the history when this program ended; their tasks are where they are to be, and may be shown in an earlier state")]
    public static partial void HistoryUnsent(this ILogger logger, int count);

    [LoggerMessage(4104, LogLevel.Debug, "The record '{State}' of task {TaskId} was not sent: {Reason}")]
    public static partial void EventNotSent(this ILogger logger, string state, string taskId, string reason);

    [LoggerMessage(4105, LogLevel.Warning, "Stream {Stream} is not read at the moment ({Reason}); trying again")]
    public static partial void StreamInterrupted(this ILogger logger, string stream, string reason);

    [LoggerMessage(2117, LogLevel.Error, "Event {EventId} ({Topic}) could not be handled and is passed over: its subscription is temporary")]
    public static partial void EventPassedOver(this ILogger logger, Exception failure, string eventId, string topic);

    [LoggerMessage(2123, LogLevel.Warning, "Events for subscription {Subscription} came faster than they were handled: of more than {Most} that waited the oldest are dropped. Give it a name to keep all")]
    public static partial void EventsDropped(this ILogger logger, string subscription, int most);

    [LoggerMessage(2118, LogLevel.Information, "Taking events for subscription {Subscription}")]
    public static partial void TakingEvents(this ILogger logger, string subscription);

    [LoggerMessage(2120, LogLevel.Debug, "Slot {Slot} takes {Prefetch} tasks at a time from queue {Queue}")]
    public static partial void PrefetchIs(this ILogger logger, int slot, int prefetch, string queue);

    [LoggerMessage(2121, LogLevel.Debug, "A slot that took {Prefetch} tasks at a time from queue {Queue} gives back what waits, and takes one at a time: {Reason}")]
    public static partial void PrefetchShrinks(this ILogger logger, int prefetch, string queue, string reason);

    [LoggerMessage(2119, LogLevel.Warning, "The reply to task {TaskId} was not sent ({Reason}); its caller will wait in vain")]
    public static partial void ReplyNotSent(this ILogger logger, string taskId, string reason);

    [LoggerMessage(1102, LogLevel.Debug, "A reply to {CorrelationId} is ignored: no call waits for it")]
    public static partial void ReplyIgnored(this ILogger logger, string? correlationId);

    [LoggerMessage(3110, LogLevel.Debug, "The private queue for {Purpose} is gone ({Reason}); the next one is made")]
    public static partial void PrivateQueueLost(this ILogger logger, string purpose, string reason);

    [LoggerMessage(3101, LogLevel.Information, "Connected to RabbitMQ at {Host}:{Port} for {Purpose}")]
    public static partial void Connected(this ILogger logger, string purpose, string host, int port);

    [LoggerMessage(3124, LogLevel.Warning, "{Doubt}")]
    public static partial void BrokerDoubtful(this ILogger logger, string doubt);

    [LoggerMessage(3102, LogLevel.Warning, "No connection to RabbitMQ for {Purpose} ({Reason}); trying again")]
    public static partial void ConnectionFailed(this ILogger logger, string purpose, string reason);

    [LoggerMessage(3103, LogLevel.Warning, "The connection to RabbitMQ for {Purpose} was lost ({Reason}); connecting again")]
    public static partial void ConnectionLost(this ILogger logger, string purpose, string reason);

    [LoggerMessage(3104, LogLevel.Warning, "RabbitMQ blocks {Purpose} ({Reason}); enqueues fail until it has room again")]
    public static partial void Blocked(this ILogger logger, string purpose, string reason);

    [LoggerMessage(3105, LogLevel.Information, "RabbitMQ no longer blocks {Purpose}")]
    public static partial void Unblocked(this ILogger logger, string purpose);

    [LoggerMessage(3106, LogLevel.Critical, "Stopping: {Reason}")]
    public static partial void Refused(this ILogger logger, string reason);

    [LoggerMessage(3112, LogLevel.Information, "Everything is declared; this program ends, as WorkQueue:DeclareOnly says")]
    public static partial void Declared(this ILogger logger);

    [LoggerMessage(2112, LogLevel.Warning, "{Problem}")]
    public static partial void ThreadsBlocked(this ILogger logger, string problem);

    [LoggerMessage(3116, LogLevel.Warning, "{Unknown} It is passed over")]
    public static partial void UnknownSetting(this ILogger logger, string unknown);

    [LoggerMessage(3113, LogLevel.Error, "{Stream} cannot be read ({Reason}): tasks are taken, and pauses and cancellations are not heard until it can")]
    public static partial void ControlUnreadable(this ILogger logger, string stream, string reason);

    [LoggerMessage(3114, LogLevel.Warning, "{Stream} was deleted and made anew; it is read from its beginning")]
    public static partial void StreamAnew(this ILogger logger, string stream);

    [LoggerMessage(3115, LogLevel.Warning, "Queue {Queue} keeps the broker's delivery limit of {Limit} that it was declared with: a task that is delivered so often over lost connections is dead-lettered by the broker")]
    public static partial void OldDeliveryLimit(this ILogger logger, string queue, string? limit);

    [LoggerMessage(3107, LogLevel.Debug, "The queues could not be counted ({Reason}); trying again")]
    public static partial void NoQueueCounts(this ILogger logger, string reason);

    [LoggerMessage(3111, LogLevel.Warning, "Queue {Queue} cannot be counted ({Reason}); the others are")]
    public static partial void NoQueueCount(this ILogger logger, string queue, string reason);

    [LoggerMessage(3108, LogLevel.Error, "This process cannot do its work ({Reason}); it goes on trying")]
    public static partial void Unhealthy(this ILogger logger, string reason);

    [LoggerMessage(3117, LogLevel.Warning, "Permits of queue {Queue} cannot be had or given back ({Reason}); trying again")]
    public static partial void NoPermits(this ILogger logger, string queue, string reason);

    [LoggerMessage(3118, LogLevel.Warning, "What may start of queue {Queue} is not known ({Reason}); it takes no tasks, and asks again")]
    public static partial void NoRate(this ILogger logger, string queue, string reason);

    [LoggerMessage(3120, LogLevel.Warning, "A message that cannot be read ended the connection; it is looked for in queue(s) {Queues}")]
    public static partial void LookingForUnreadable(this ILogger logger, string queues);

    [LoggerMessage(3121, LogLevel.Error, "Message {Position} from the head of queue {Queue} cannot be read ({Reason}); it is now in queue {Aside}, unchanged")]
    public static partial void UnreadableSetAside(this ILogger logger, int position, string queue, string reason, string aside);

    [LoggerMessage(3122, LogLevel.Warning, "No message that cannot be read was found in queue(s) {Queues}: another program has set it aside, or it was in a queue that is gone with the connection")]
    public static partial void NoUnreadableFound(this ILogger logger, string queues);

    [LoggerMessage(3123, LogLevel.Error, "This process has met a message that it can neither read nor set aside: {Reason}")]
    public static partial void UnreadableStays(this ILogger logger, string reason);

    [LoggerMessage(3109, LogLevel.Information, "This process can do its work again")]
    public static partial void HealthyAgain(this ILogger logger);
}
