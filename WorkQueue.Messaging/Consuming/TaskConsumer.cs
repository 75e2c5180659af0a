using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>What the deliveries of all slots share.</summary>
internal sealed record TaskPipeline(
    TaskExecutor Executor, TaskSettler Settler, ControlLog Control, TaskTopology Topology, IOptions<WorkQueueOptions> Options, WorkQueueTelemetry Telemetry, TimeProvider Clock, ILogger<TaskConsumer> Logger);

/// <summary>Receives the deliveries of one channel, one at a time: the life of a task is <see cref="ProcessAsync"/>.</summary>
#pragma warning disable CA1001 // The source is never disposed of: a handler that does not stop may hold its token for as long as it likes.
internal sealed class TaskConsumer(IChannel channel, TaskQueue queue, TaskPipeline pipeline, RunTokens tokens, CancellationToken stopping)
#pragma warning restore CA1001
    : AsyncDefaultBasicConsumer(channel)
{
    private readonly CancellationTokenSource _takenBack = new();
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _leaving;
    private volatile Task _running = Task.CompletedTask;
    private volatile TaskRun? _run;
    private long _idleSince = pipeline.Clock.GetTimestamp();

    /// <summary>Told when a delivery has come, before it runs.</summary>
    public Action? Taken { get; init; }

    /// <summary>Completes, with the reason, when this consumer will get no more deliveries.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Completes when a cancel by this side has gone through: after every delivery that came before it.</summary>
    public Task Cancelled => _cancelled.Task;

    /// <summary>How long no task has run; zero while one runs.</summary>
    public TimeSpan IdleFor => _running.IsCompleted ? pipeline.Clock.GetElapsedTime(Volatile.Read(ref _idleSince)) : TimeSpan.Zero;

    /// <summary>The task that runs here, or null.</summary>
    public TaskRun? Run => _run;

    /// <summary>Waits until no task runs.</summary>
    /// <returns>False if one still runs after the limit.</returns>
    public async Task<bool> WaitIdleAsync(TimeSpan limit)
    {
        Task running = _running;
        await running.WaitAsync(limit, pipeline.Clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return running.IsCompleted;
    }

    /// <summary>This side is about to cancel the consumer, to take from another queue; what still comes is run.</summary>
    public void Leave() => _leaving = true;

    /// <summary>This consumer will get no more deliveries, and the broker has the running task back, or soon will.</summary>
    public void End(string reason)
    {
        _ended.TrySetResult(reason);
        Quiet.Cancel(_takenBack);
    }

    public override async Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey,
        IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        // The channel dispatches one delivery at a time.
        TaskCompletionSource running = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _running = running.Task;
        try
        {
            TaskDelivery delivery = queue.IsSubscription
                ? TaskCodec.ReadEvent(deliveryTag, redelivered, properties, body, queue, exchange == pipeline.Topology.EventsExchange ? routingKey : null)
                : TaskCodec.Read(deliveryTag, redelivered, properties, body, queue);
            await ProcessAsync(delivery with { ReceivedAt = pipeline.Clock.GetUtcNow() });
        }
#pragma warning disable CA1031 // An exception that escapes leaves the delivery unacknowledged and the slot stuck for ever; end the slot instead.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            End(failure.Message);
        }
        finally
        {
            Volatile.Write(ref _idleSince, pipeline.Clock.GetTimestamp());
            running.SetResult();
        }
    }

    protected override Task OnCancelAsync(string[] consumerTags, CancellationToken cancellationToken = default)
    {
        // Also comes when this side cancels, on its way out.
        if (_leaving || stopping.IsCancellationRequested)
        {
            _cancelled.TrySetResult();
        }
        else
        {
            End("the broker cancelled the consumer: its queue was deleted or has no leader, or it held a task for too long");
        }

        return Task.CompletedTask;
    }

    private async Task ProcessAsync(TaskDelivery delivery)
    {
        TaskMessage message = delivery.Message;
        RunTokens lease = tokens with { TakenBack = _takenBack.Token };
        if (await WithoutRunAsync(delivery, lease) is { } settled)
        {
            await SettleAsync(delivery, settled, lease);
            return;
        }

        Taken?.Invoke();
        using Activity? activity = pipeline.Telemetry.StartProcess(
            queue.Destination, queue.Name, message.Id, message.TraceParent, message.TraceState, pipeline.Options.Value.TraceLinks);
        activity?.SetTag("workqueue.task.type", message.Type).SetTag("workqueue.task.attempt", message.Attempt);
        pipeline.Telemetry.Started(queue.Destination, WaitOf(message));
        long start = pipeline.Clock.GetTimestamp();

        TaskOutcome outcome = stopping.IsCancellationRequested
            ? new TaskOutcome.Interrupted("the worker takes no more tasks")
            : await RunAsync(delivery, lease);
        TimeSpan duration = pipeline.Clock.GetElapsedTime(start);
        Disposition disposition = Decide(outcome, message);
        Report(outcome, disposition, message, duration, activity);
        await SettleAsync(delivery, disposition, lease);
    }

    private async Task SettleAsync(TaskDelivery delivery, Disposition disposition, RunTokens lease)
    {
        if (await pipeline.Settler.SettleAsync(Channel, delivery, disposition, lease))
        {
            pipeline.Telemetry.Settled(queue.Destination, delivery.Message.Type, disposition.Name);
        }
        else
        {
            End("a delivery could not be settled");
        }
    }

    private async Task<Disposition?> WithoutRunAsync(TaskDelivery delivery, RunTokens lease)
    {
        if (delivery is { Unreadable: null, Message.Topic: { } topic } && !TopicRules.IsUsers(topic))
        {
            // What happens to tasks goes through the same exchange and fits "#" too. A user's event is never passed over: a pattern it does not
            // fit may be that of an older version of the program, and what another version bound is for the handler to know.
            return new Disposition.PassOver();
        }

        if (delivery is { Unreadable: null, HasId: false } && await pipeline.Settler.IdentifyAsync(delivery, lease))
        {
            return new Disposition.Identify();
        }

        return delivery.Unreadable is null && pipeline.Control.IsCancelled(delivery.Message) ? new Disposition.Drop() : null;
    }

    private async Task<TaskOutcome> RunAsync(TaskDelivery delivery, RunTokens lease)
    {
        pipeline.Logger.TaskReceived(delivery.Message.Id, delivery.Message.Type, delivery.Message.Attempt);
        TaskRun run = new(delivery.Message with { Body = ReadOnlyMemory<byte>.Empty }, delivery.ReceivedAt);
        _run = run;
        try
        {
            if (pipeline.Control.IsCancelled(delivery.Message))
            {
                // Between the look on receipt and this moment.
                run.Cancel();
            }

            return await pipeline.Executor.RunAsync(delivery, queue, run, lease with { Cancelled = run.Cancelled });
        }
        finally
        {
            _run = null;
        }
    }

    private Disposition Decide(TaskOutcome outcome, TaskMessage message)
    {
        WorkQueueOptions options = pipeline.Options.Value;
        IReadOnlyList<TimeSpan> delays = options.Types.GetValueOrDefault(message.Type)?.RetryDelays ?? options.Retry.EffectiveDelays;
        DateTimeOffset now = pipeline.Clock.GetUtcNow();
        Disposition disposition = RetryPolicy.Decide(outcome, message.Attempt, delays, options.Retry.Jitter, Random.Shared.NextDouble(), now);
        return RetryPolicy.WithinCall(disposition, message, now);
    }

    private void Report(TaskOutcome outcome, Disposition disposition, TaskMessage message, TimeSpan duration, Activity? activity)
    {
        (string? reason, Exception? error) = outcome switch
        {
            TaskOutcome.Failed failed => (failed.Reason, failed.Error),
            TaskOutcome.Rejected rejected => (rejected.Reason, rejected.Error),
            _ => ((string?)null, (Exception?)null),
        };
        string? errorType = reason is null ? null : error?.GetType().FullName ?? "rejected";
        pipeline.Telemetry.Ended(queue.Destination, message.Type, duration, errorType);
        activity?.SetTag("workqueue.task.disposition", disposition.Name);
        if (reason is not null)
        {
            activity?.SetStatus(ActivityStatusCode.Error, reason).SetTag("error.type", errorType);
        }

        if (error is not null)
        {
            pipeline.Logger.TaskException(error, message.Id);
        }
        else if (outcome is TaskOutcome.Succeeded)
        {
            pipeline.Logger.TaskDone(message.Id, message.Type, duration.TotalSeconds);
        }
    }

    // A UUID version 7 knows its millisecond, the AMQP timestamp only its second. Retries waited on purpose.
    private TimeSpan? WaitOf(TaskMessage message)
    {
        if (message.Attempt > 1)
        {
            return null;
        }

        DateTimeOffset? due = message.NotBefore ?? TaskIds.CreatedAt(message.Id) ?? message.EnqueuedAt;
        return pipeline.Clock.GetUtcNow() - due;
    }
}
