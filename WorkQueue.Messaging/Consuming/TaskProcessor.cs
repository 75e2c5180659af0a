using System.Diagnostics;
using System.Runtime.CompilerServices;
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
    TaskExecutor Executor, TaskSettler Settler, ControlLog Control, Solitude Solitude, TaskTopology Topology, IOptions<WorkQueueOptions> Options, WorkQueueTelemetry Telemetry, TimeProvider Clock, ILogger<TaskConsumer> Logger);

/// <summary>The life of a task here, from its delivery to its acknowledgement, is <see cref="ProcessAsync"/>.</summary>
/// <param name="channel">The channel that delivers.</param>
/// <param name="queue">The queue.</param>
/// <param name="place">Its slot's place among the others.</param>
/// <param name="pipeline">What the slots share.</param>
/// <param name="lease">When a run, or the settling after it, is cut short.</param>
/// <param name="stopping">No task is started any more.</param>
internal sealed class TaskProcessor(IChannel channel, TaskQueue queue, Solitude.Place place, TaskPipeline pipeline, RunTokens lease, CancellationToken stopping)
{
    // Longer than a worker takes to have a connection again, and to say which deliveries it had lost.
    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(5);

    private volatile TaskRun? _run;

    /// <summary>The task that runs, or null.</summary>
    public TaskRun? Run => _run;

    /// <summary>Ends the run that has taken too long; one timer for all of them.</summary>
    public required ITimer Limit { get; init; }

    /// <summary>Told when a delivery has come that is to run.</summary>
    public Action? Taken { get; init; }

    /// <summary>Reads what the broker delivered.</summary>
    public TaskDelivery Read(ulong tag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body)
    {
        TaskDelivery delivery = queue.IsSubscription
            ? TaskCodec.ReadEvent(tag, redelivered, properties, body, queue, exchange == pipeline.Topology.EventsExchange ? routingKey : null)
            : TaskCodec.Read(tag, redelivered, properties, body, queue);
        delivery.Open = delivery.IsSaid ? pipeline.Control.Suspects.OpenOf(delivery.Message) : 0;
        return delivery;
    }

    /// <summary>Gives a task back to its queue as it came.</summary>
    /// <returns>False when it was not given back: its queue does not take it at the moment, or it is not to run at all, and is to be told so here.</returns>
    public async Task<bool> TryGiveBackAsync(TaskDelivery delivery, string reason)
    {
        if (pipeline.Control.IsCancelled(delivery.Message) || pipeline.Executor.Refusal(delivery, queue) is not null)
        {
            return false;
        }

        Disposition.Return back = Back(reason);
        bool isBack = await pipeline.Settler.TryGiveBackAsync(channel, delivery, back, lease);
        if (isBack)
        {
            pipeline.Telemetry.Settled(queue.Destination, delivery.Message.Type, back.Name);
        }

        return isBack;
    }

    /// <summary>Runs a task and settles it.</summary>
    /// <returns>False when it was not settled, and the broker will deliver it again.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ProcessAsync(TaskDelivery delivery)
    {
        delivery.ReceivedAt = pipeline.Clock.GetUtcNow();
        TaskMessage message = delivery.Message;
        if (delivery.IsSaid)
        {
            await CountCrashesAsync(delivery);
        }

        if (WithoutRun(delivery) is { } settled)
        {
            return await SettleAsync(delivery, settled);
        }

        if (pipeline.Executor.Refusal(delivery, queue) is not null)
        {
            return await SettleAsync(delivery, await RunAsync(delivery));
        }

        bool enters = Solitude.IsFor(delivery.Crashes, queue.DeliveryLimit) ? await EnterAloneAsync(message) : place.TryEnter();
        return await SettleAsync(delivery, enters ? await RunSaidAsync(delivery) : Back("a task of which a worker may have died runs alone here"));
    }

    // What comes after the run kills nobody, and need not be waited for by the other slots.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Disposition> RunSaidAsync(TaskDelivery delivery)
    {
        try
        {
            if (delivery.IsSaid)
            {
                await pipeline.Control.BeginAsync(delivery.Message);
            }

            return await RunAsync(delivery);
        }
        finally
        {
            if (delivery.IsSaid)
            {
                pipeline.Control.Suspects.End(delivery.Message);
            }

            place.Leave();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Disposition> RunAsync(TaskDelivery delivery)
    {
        TaskMessage message = delivery.Message;
        Taken?.Invoke();
        using Activity? activity = pipeline.Telemetry.StartProcess(
            queue.Destination, queue.Name, message.Id, message.TraceParent, message.TraceState, pipeline.Options.Value.TraceLinks);
        activity?.SetTag("workqueue.task.type", message.Type).SetTag("workqueue.task.attempt", message.Attempt);
        pipeline.Telemetry.Started(queue.Destination, WaitOf(message));
        long start = pipeline.Clock.GetTimestamp();

        TaskOutcome outcome = stopping.IsCancellationRequested
            ? Unstarted(delivery, "the worker takes no more tasks")
            : await pipeline.Executor.RunAsync(delivery, queue, Start(delivery, start), Limit, lease);
        Limit.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _run = null;
        TimeSpan duration = pipeline.Clock.GetElapsedTime(start);
        Disposition disposition = Decide(outcome, message);
        Report(outcome, disposition, message, duration, activity);
        return disposition;
    }

    private async Task<bool> SettleAsync(TaskDelivery delivery, Disposition disposition)
    {
        if (!await pipeline.Settler.SettleAsync(channel, delivery, disposition, lease))
        {
            return false;
        }

        pipeline.Telemetry.Settled(queue.Destination, delivery.Message.Type, disposition.Name);
        return true;
    }

    private Disposition? WithoutRun(TaskDelivery delivery)
    {
        if (delivery is { Unreadable: null, Message.Topic: { } topic } && !TopicRules.IsUsers(topic))
        {
            // What happens to tasks goes through the same exchange and fits "#" too. A user's event is never passed over: a pattern it does not
            // fit may be that of an older version of the program, and what another version bound is for the handler to know.
            return new Disposition.PassOver();
        }

        if (delivery.Unreadable is null && pipeline.Control.IsCancelled(delivery.Message))
        {
            return new Disposition.Drop();
        }

        if (delivery.Unreadable is null && EarlyDelivery.ToWaitAgain(delivery.Message, delivery.ReceivedAt) is { } again)
        {
            TimeSpan early = again.NotBefore!.Value - delivery.ReceivedAt;
            return new Disposition.Wait(again, new AttemptEnd($"it came {early.TotalSeconds:0.0} s before its time, and waits again", null, null, delivery.ReceivedAt));
        }

        if (delivery is { Unreadable: null, HasId: false, EarlierDeliveries: > 0 })
        {
            // By its id alone is it told who died of it.
            return Back("it came without an id, and has one from here on");
        }

        // Published again it has a new count on the broker, whose own limit knows no reasons.
        return delivery.Unreadable is null && delivery.EarlierDeliveries >= Math.Max(1, queue.BrokerDeliveryLimit / 2) && delivery.Crashes < queue.DeliveryLimit
            ? Back($"delivered {delivery.EarlierDeliveries} times, by lost connections for the most part: it begins a new count")
            : null;
    }

    private Disposition.Return Back(string reason) => new(new AttemptEnd(reason, null, null, pipeline.Clock.GetUtcNow()));

    private async Task CountCrashesAsync(TaskDelivery delivery)
    {
        delivery.Open = pipeline.Control.Suspects.OpenOf(delivery.Message);
        if (delivery.Unreadable is null && Solitude.IsFor(delivery.Crashes, queue.DeliveryLimit))
        {
            // Before it is blamed, or has to run alone, those that may have had it are heard.
            await Task.Delay(ReportLimit, pipeline.Clock, lease.TakenBack).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delivery.Open = pipeline.Control.Suspects.OpenOf(delivery.Message);
        }
    }

    // Both its wait for the others and its run are to end before the broker takes it back.
    private async Task<bool> EnterAloneAsync(TaskMessage message)
    {
        TimeSpan limit = pipeline.Options.Value.BrokerConsumerTimeout - pipeline.Executor.LimitOf(message) - TimeSpan.FromMinutes(1);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(lease.TakenBack, stopping);
        return await place.TryEnterAloneAsync(limit > ShortestWait ? limit : ShortestWait, end.Token);
    }

    // What cannot be read would not go back as it came.
    private TaskOutcome Unstarted(TaskDelivery delivery, string reason) => pipeline.Executor.Refusal(delivery, queue) ?? new TaskOutcome.Interrupted(reason);

    private TaskRun Start(TaskDelivery delivery, long start)
    {
        pipeline.Logger.TaskReceived(delivery.Message.Id, delivery.Message.Type, delivery.Message.Attempt);
        TaskRun run = new(delivery.Message, delivery.ReceivedAt, start);
        _run = run;
        // Whoever ends runs either finds this one from here on, or has said so before.
        Interlocked.MemoryBarrier();
        if (pipeline.Control.IsCancelled(delivery.Message))
        {
            run.Cancel();
        }

        if (lease.TakenBack.IsCancellationRequested || lease.Drained.IsCancellationRequested)
        {
            run.Cut();
        }

        return run;
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
