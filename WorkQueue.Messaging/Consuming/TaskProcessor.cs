using System.Diagnostics;
using System.Runtime.CompilerServices;
using RabbitMQ.Client;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>The life of a task here, from its delivery to its acknowledgement, is <see cref="ProcessAsync"/>.</summary>
/// <param name="seat">Where it is delivered.</param>
/// <param name="lane">Where it comes from.</param>
/// <param name="place">Its slot's place among the others.</param>
/// <param name="pipeline">What the slots share.</param>
/// <param name="lease">When a run, or the settling after it, is cut short.</param>
/// <param name="stopping">No task is started any more.</param>
internal sealed class TaskProcessor(SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, TaskPipeline pipeline, RunTokens lease, CancellationToken stopping)
{
    private readonly TaskAdmission _admission = new(lane, place, pipeline, lease, stopping);
    private readonly RunsInOrder _inOrder = new(pipeline, lane.Queue, lease, stopping);
    private volatile TaskRun? _run;

    /// <summary>The task that runs, or null.</summary>
    public TaskRun? Run => _run;

    /// <summary>Ends the run that has taken too long; one timer for all of them.</summary>
    public required ITimer Limit { get; init; }

    /// <summary>Whether the next task is here when one has ended.</summary>
    public bool HoldsMany { get; init; }

    /// <summary>Acknowledges a delivery whose task is where it is to be; false when that cannot be done.</summary>
    public required Func<TaskDelivery, Disposition, ValueTask<bool>> Ack { get; init; }

    /// <summary>Told when a delivery has come: true where it is to run, false where it is left to other workers, which is a turn of its queue all the same.</summary>
    public Action<bool>? Taken { get; init; }

    /// <summary>It has left a delivery where it is, for the next worker that takes from its lane.</summary>
    public bool HasLeftInPlace { get; private set; }

    /// <summary>Reads what the broker delivered.</summary>
    public TaskDelivery Read(ulong tag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body)
    {
        TaskDelivery delivery = lane.Queue.IsSubscription
            ? TaskCodec.ReadEvent(tag, redelivered, properties, body, lane.Queue, exchange == pipeline.Topology.EventsExchange ? routingKey : null)
            : TaskCodec.Read(tag, redelivered, properties, body, lane.Queue);
        delivery.Open = delivery.IsSaid ? pipeline.Suspects.OpenOf(delivery.Delivered) : 0;
        return delivery;
    }

    /// <summary>The broker counts this first delivery like one whose worker died, and only this worker knows better; but not where it was held for too long.</summary>
    public void Lose(TaskDelivery delivery)
    {
        if (lane.Queue.Type == TaskQueueType.Quorum && !IsTooOld(delivery) && !delivery.IsSaid)
        {
            pipeline.Suspects.End(delivery.Delivered);
        }
    }

    /// <summary>It was not settled and comes again, and this worker lives.</summary>
    public void Disown(TaskDelivery delivery)
    {
        Lose(delivery);
        if (!delivery.HasId)
        {
            pipeline.Settler.Disown(delivery);
        }
    }

    /// <summary>Something has failed that is no handler, before it was settled.</summary>
    public void Fail(TaskDelivery delivery, string reason, bool isTakenBack)
    {
        Disown(delivery);
        if (!isTakenBack)
        {
            pipeline.Unsettled.Add(delivery, reason);
        }
    }

    /// <summary>Runs a task and settles it.</summary>
    /// <returns>False when it was not settled, and the broker will deliver it again.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ProcessAsync(TaskDelivery delivery)
    {
        using Solitude.SlotPlace held = place.Hold();
        delivery.ReceivedAt = pipeline.Clock.GetUtcNow();
        Disposition disposition = await _admission.WithoutRunAsync(delivery) ?? (lane.Queue.Lanes.IsOrdered ? await _inOrder.RunAsync(delivery, RunAdmittedAsync) : await RunAdmittedAsync(delivery));
        if (disposition is Disposition.LeaveToOthers)
        {
            Taken?.Invoke(false);
        }

        if (!await pipeline.Settler.SettleAsync(delivery, disposition, lease, Ack))
        {
            if (IsTooOld(delivery) && disposition is Disposition.Abandon)
            {
                // Where it had ended before, it waited for something else.
                pipeline.Unsettled.Add(delivery, "the broker took it back for its age");
            }

            HasLeftInPlace = disposition is Disposition.LeaveInPlace;
            return false;
        }

        delivery.IsSettled = true;
        pipeline.Unsettled.Settled(delivery, disposition);
        pipeline.Telemetry.Settled(lane.Queue.Destination, delivery.Message.Type, disposition.Name);
        if (disposition is Disposition.Ack)
        {
            // Not before its end is recorded and acknowledged, or about to be with others: until then it may run again.
            pipeline.Logger.TaskDone(delivery.Message.Id, delivery.Message.Type, delivery.Ran.TotalSeconds);
        }

        return true;
    }

    private bool IsTooOld(TaskDelivery delivery) => seat.Channel.CloseReason?.ReplyCode == Constants.PreconditionFailed && seat.IsOldest(delivery.Tag);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Disposition> RunAdmittedAsync(TaskDelivery delivery)
    {
        if (pipeline.Executor.Refusal(delivery, lane.Queue) is not null)
        {
            return await RunAsync(delivery);
        }

        if (!await _admission.TryEnterAsync(delivery))
        {
            return _admission.Back("a task of which a worker may have died runs alone here");
        }

        try
        {
            return await RunAsync(delivery);
        }
        finally
        {
            _admission.Leave(delivery);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Disposition> RunAsync(TaskDelivery delivery)
    {
        TaskMessage message = delivery.Message;
        Taken?.Invoke(true);
        using Activity? activity = pipeline.Telemetry.StartProcess(
            lane.Queue.Destination, lane.Queue.Name, message.Id, message.TraceParent, message.TraceState, pipeline.Options.Value.TraceLinks);
        activity?.SetTag("workqueue.task.type", message.Type).SetTag("workqueue.task.attempt", message.Attempt);
        pipeline.Telemetry.Started(lane.Queue.Destination, RunReport.WaitOf(message, pipeline.Clock.GetUtcNow()), lane.Queue.Lanes.All.Count > 1 ? lane.Key : null);
        long start = pipeline.Clock.GetTimestamp();

        TaskOutcome outcome = stopping.IsCancellationRequested
            ? Unstarted(delivery, "the worker takes no more tasks")
            : await pipeline.Executor.RunAsync(delivery, lane.Queue, Start(delivery, start), Limit, lease);
        Limit.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _run = null;
        delivery.Ran = pipeline.Clock.GetElapsedTime(start);
        Disposition disposition = RetryPolicy.Decide(outcome, message, pipeline.Options.Value, Random.Shared.NextDouble(), pipeline.Clock.GetUtcNow());
        RunReport.Write(pipeline, lane.Queue, message, outcome, disposition, delivery.Ran, activity);
        return disposition;
    }

    // What cannot be read would not go back as it came.
    private TaskOutcome Unstarted(TaskDelivery delivery, string reason) => pipeline.Executor.Refusal(delivery, lane.Queue) ?? new TaskOutcome.Interrupted(reason, HasRun: false);

    private TaskRun Start(TaskDelivery delivery, long start)
    {
        pipeline.Logger.TaskReceived(delivery.Message.Id, delivery.Message.Type, delivery.Message.Attempt);
        TaskRun run = new(delivery.Message, delivery.ReceivedAt, start) { Slot = HoldsMany ? this : null };
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
}
