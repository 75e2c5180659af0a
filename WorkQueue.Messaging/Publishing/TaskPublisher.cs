using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>Checks a new task, gives it its envelope and publishes it to its queue or, for later, to the delay ladder.</summary>
internal sealed class TaskPublisher(
    IPublisher publisher,
    TaskTopology topology,
    IOptions<WorkQueueOptions> options,
    WorkQueueTelemetry telemetry,
    TimeProvider clock,
    ILogger<TaskPublisher> logger,
    IMoveRecorder history,
    IQueueGuard guard,
    ICancelledTasks cancelled,
    IQueueCounts? counts = null)
{
    /// <inheritdoc cref="ITaskQueue.EnqueueAsync"/>
    /// <param name="task">The task.</param>
    /// <param name="reply">Where its result is waited for, if it is.</param>
    /// <param name="cancellationToken">Stops the waiting. The task may be enqueued all the same.</param>
    public Task<EnqueuedTask> EnqueueAsync(NewTask task, ReplyAddress? reply, CancellationToken cancellationToken) => EnqueueAsync(task, null, reply, cancellationToken);

    /// <summary>Checks a task and gives it its envelope.</summary>
    /// <exception cref="InvalidTaskException">The task is not acceptable, whatever the broker.</exception>
    public TaskMessage Check(NewTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return NewTaskRules.Check(task, options.Value, topology, clock.GetUtcNow());
    }

    /// <summary>A task that somebody else is to enqueue, in the trace of who has it enqueued.</summary>
    public static TaskMessage InTrace(TaskMessage message) => Activity.Current is { } here ? message with { TraceParent = here.Id, TraceState = here.TraceStateString } : message;

    /// <summary>Enqueues a task that was checked. One that is in a trace already stays there.</summary>
    public Task<EnqueuedTask> EnqueueAsync(TaskMessage message, ReplyAddress? reply, CancellationToken cancellationToken) => EnqueueAsync(null, message, reply, cancellationToken);

    /// <summary>Publishes a task to its queue, at once or after a delay.</summary>
    /// <param name="message">The task.</param>
    /// <param name="delay">How long it waits.</param>
    /// <param name="confirmTimeout">How long to wait for the confirm.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <param name="end">How the attempt before ended, if there was one.</param>
    /// <param name="run">Who ran it.</param>
    /// <returns>True if it went to the delay ladder.</returns>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> PublishAsync(
        TaskMessage message, TimeSpan delay, TimeSpan confirmTimeout, CancellationToken cancellationToken, AttemptEnd? end = null, AttemptRun? run = null)
    {
        TaskQueue queue = topology[message.Queue];
        TaskLane lane = queue.Lanes.Of(message.Type, message.Priority, message.Key ?? message.Id);
        string? laterKey = DelayLadder.RoutingKey(delay, lane.Key);
        (string exchange, string key) = laterKey is null ? (topology.TasksExchange, lane.Key) : (topology.Delays.EntryExchange, laterKey);
        OutgoingMessage outgoing = new(exchange, key, laterKey is null ? queue.EntryDestination : queue.DelayDestination, TaskCodec.Write(message, clock.GetUtcNow(), end, run), message.Body);
        // On the ladder it waits for a queue to be declared again, or becomes a letter.
        Task<QueueSeen> seen = laterKey is null ? guard.AskAsync(lane.BrokerName) : QueueGuard.Unasked;
        await publisher.PublishAsync(outgoing, confirmTimeout, cancellationToken);
        await RequireAsync(seen, queue, isDead: false);

        history.Moved(message, laterKey is null ? RecordStates.Queued : message.Attempt > 1 ? RecordStates.Retrying : RecordStates.Scheduled, end, run);
        return laterKey is not null;
    }

    /// <summary>Publishes a task to the dead letters of its queue.</summary>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    public async Task PublishDeadAsync(TaskMessage message, AttemptEnd end, AttemptRun? run, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        TaskQueue queue = topology[message.Queue];
        OutgoingMessage outgoing = new(topology.DeadExchange, message.Queue, queue.DeadDestination, TaskCodec.WriteDead(message, end, run), message.Body);
        // Asked first, not beside it: another program may declare the queue again between the two, and the letter would be in the history alone.
        await RequireAsync(guard.AskAsync(queue.DeadBrokerName, new QueueBinding(topology.DeadExchange, message.Queue)), queue, isDead: true);
        await publisher.PublishAsync(outgoing, confirmTimeout, cancellationToken);

        history.Moved(message, RecordStates.DeadLettered, end, run);
    }

    // One of the two is given. A method for each, the one awaiting the other, would be two objects for each task.
    private async Task<EnqueuedTask> EnqueueAsync(NewTask? task, TaskMessage? checkedBefore, ReplyAddress? reply, CancellationToken cancellationToken)
    {
        TaskMessage message = checkedBefore ?? Check(task!);
        if (task is { Id: not null, IsRepeat: false })
        {
            message = message with { Redriven = await NextRedrivenAsync(message, cancellationToken) };
        }

        Admit(message);
        bool isInTrace = message.TraceParent is not null;
        using Activity? activity = isInTrace ? null : telemetry.StartPublish(topology.TasksExchange, message.Queue, message.Id);
        Activity? context = activity ?? (isInTrace ? null : Activity.Current);
        if (context is not null || reply is not null)
        {
            message = message with { ReplyTo = reply?.Queue, CorrelationId = reply?.Correlation, TraceParent = context?.Id ?? message.TraceParent, TraceState = context is null ? message.TraceState : context.TraceStateString };
        }

        TimeSpan delay = message.NotBefore - clock.GetUtcNow() ?? TimeSpan.Zero;
        try
        {
            bool delayed = await PublishAsync(message, delay, options.Value.ConfirmTimeout, cancellationToken);
            logger.Enqueued(message.Id, message.Type, message.Queue);
            return new EnqueuedTask(message.Id, delayed ? TaskState.Scheduled : TaskState.Queued);
        }
        catch (OperationCanceledException)
        {
            activity?.SetStatus(ActivityStatusCode.Error, "The caller stopped waiting.");
            throw;
        }
        catch (PublishFailedException failure)
        {
            activity?.SetStatus(ActivityStatusCode.Error, failure.Message).SetTag("error.type", failure.Outcome.ToString());
            if (failure.Outcome is PublishOutcome.Returned or PublishOutcome.Refused)
            {
                // The history may have taken in what no queue did.
                await history.CancelledAsync(message, new AttemptEnd(ITaskHistory.NotEnqueued, null, null, clock.GetUtcNow()), null);
            }

            throw new TaskNotEnqueuedException(failure.Outcome, message.Id, failure.Message, failure);
        }
    }

    private async ValueTask RequireAsync(Task<QueueSeen> asked, TaskQueue queue, bool isDead)
    {
        QueueSeen seen = await asked;
        if (seen == QueueSeen.There)
        {
            return;
        }

        string what = isDead ? $"The dead-letter queue of '{queue.Name}'" : $"Queue '{queue.Name}'";
        switch (seen)
        {
            case QueueSeen.Missing:
                await publisher.RepairAsync();
                throw new PublishFailedException(PublishOutcome.Returned, $"{what} is missing on the broker; it is being declared again.");
            case QueueSeen.CameBack:
                throw new PublishFailedException(PublishOutcome.Unknown, $"{what} was missing on the broker and has just been declared again: before or after this message, nobody can tell.");
        }
    }

    // Workers drop what was cancelled whenever it comes; who enqueues the id anew means it to run.
    private async Task<int> NextRedrivenAsync(TaskMessage message, CancellationToken cancellationToken)
    {
        try
        {
            return await cancelled.NextRedrivenAsync(message.Id, cancellationToken);
        }
        catch (TimeoutException failure)
        {
            throw new TaskNotEnqueuedException(
                PublishOutcome.Unavailable, message.Id, $"The control log '{topology.History.ControlStream}' could not be read, so nobody knows whether task '{message.Id}' was cancelled; nothing was sent.", failure);
        }
    }

    private void Admit(TaskMessage message)
    {
        if (topology[message.Queue].MaxLength is { } most && ReadyIn(message.Queue) >= most)
        {
            throw new TaskNotEnqueuedException(
                PublishOutcome.QueueFull, message.Id, $"Queue '{message.Queue}' is full: {most} tasks wait in it, as {WorkQueueOptions.Section}:Queues:{message.Queue}:MaxLength allows.");
        }
    }

    private long? ReadyIn(string queue) => counts?.Current.FirstOrDefault(count => count.Queue == queue)?.Ready;
}

/// <summary>Where the reply to a call is waited for.</summary>
internal sealed record ReplyAddress(string Queue, string Correlation);
