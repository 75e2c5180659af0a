using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>Checks a new task, gives it its envelope and publishes it to its queue or, for later, to the delay ladder.</summary>
internal sealed class TaskPublisher(
    ConfirmedPublisher publisher,
    TaskTopology topology,
    IOptions<WorkQueueOptions> options,
    WorkQueueTelemetry telemetry,
    TimeProvider clock,
    ILogger<TaskPublisher> logger,
    IQueueCounts? counts = null) : ITaskQueue
{
    public async Task<EnqueuedTask> EnqueueAsync(NewTask task, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        DateTimeOffset now = clock.GetUtcNow();
        TaskMessage message = NewTaskRules.Check(task, options.Value, topology, now);
        Admit(message);
        using Activity? activity = telemetry.StartPublish(topology.TasksExchange, message.Queue, message.Id);
        Activity? context = activity ?? Activity.Current;
        message = message with { TraceParent = context?.Id, TraceState = context?.TraceStateString };
        TimeSpan delay = message.NotBefore - now ?? TimeSpan.Zero;
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
            throw new TaskNotEnqueuedException(failure.Outcome, message.Id, failure.Message, failure);
        }
    }

    public async Task<IReadOnlyList<EnqueueResult>> EnqueueManyAsync(IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        EnqueueResult[] results = new EnqueueResult[tasks.Count];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = options.Value.PublishWindow, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, tasks.Count, parallel, async (index, token) => results[index] = await TryEnqueueAsync(tasks[index], token));
        return results;
    }

    /// <summary>Publishes a task to its queue, at once or after a delay.</summary>
    /// <returns>True if it went to the delay ladder.</returns>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    public async Task<bool> PublishAsync(TaskMessage message, TimeSpan delay, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        string? laterKey = DelayLadder.RoutingKey(delay, message.Queue);
        (string exchange, string key) = laterKey is null ? (topology.TasksExchange, message.Queue) : (topology.Delays.EntryExchange, laterKey);
        OutgoingMessage outgoing = new(exchange, key, $"{exchange}:{message.Queue}", TaskCodec.Write(message), message.Body);
        await publisher.PublishAsync(outgoing, confirmTimeout, cancellationToken);
        return laterKey is not null;
    }

    /// <summary>Publishes a task to the dead letters of its queue.</summary>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    public Task PublishDeadAsync(TaskMessage message, DeadLetterCause cause, TimeSpan confirmTimeout, CancellationToken cancellationToken) =>
        publisher.PublishAsync(
            new OutgoingMessage(
                topology.DeadExchange, message.Queue, $"{topology.DeadExchange}:{message.Queue}", TaskCodec.WriteDead(message, cause), message.Body),
            confirmTimeout,
            cancellationToken);

    private async Task<EnqueueResult> TryEnqueueAsync(NewTask task, CancellationToken cancellationToken)
    {
        try
        {
            return new EnqueueResult(await EnqueueAsync(task, cancellationToken), null);
        }
        catch (Exception error) when (error is InvalidTaskException or TaskNotEnqueuedException)
        {
            return new EnqueueResult(null, error);
        }
    }

    private void Admit(TaskMessage message)
    {
        if (topology[message.Queue].MaxLength is { } most && counts?.Current.FirstOrDefault(count => count.Queue == message.Queue)?.Ready >= most)
        {
            throw new TaskNotEnqueuedException(
                PublishOutcome.QueueFull, message.Id, $"Queue '{message.Queue}' is full: {most} tasks wait in it, as {WorkQueueOptions.Section}:Queues:{message.Queue}:MaxLength allows.");
        }
    }
}
