using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Registered where this process takes tasks, besides the events of its durable subscriptions.</summary>
internal sealed class TaskIntake;

/// <summary>Runs the slots of this process, and drains them when it stops.</summary>
internal sealed class TaskWorkerService(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection,
    TaskTopology topology,
    TaskPipeline pipeline,
    IOptions<WorkQueueOptions> options,
    ConsumerSources consumers,
    PermitPools permits,
    LaneRests rests,
    ILogger<TaskWorkerService> logger,
    TaskIntake? intake = null) : BackgroundService
{
    // For a deaf handler's last second and the confirm that gives its task back; with the default drain of 8 s it ends before Aspire kills at 12 s.
    private static readonly TimeSpan TimeToSettle = TimeSpan.FromSeconds(2);

    private readonly List<QueueLevels> _levels = [];
    private readonly SlotChannels _channels = new(pipeline.Clock);
    private TaskSlot[] _slots = [];

    /// <summary>The slots, once started.</summary>
    internal IReadOnlyList<TaskSlot> Slots => _slots;

    /// <summary>What keeps this worker from taking tasks, or null.</summary>
    public string? Problem
    {
        get
        {
            int idle = _slots.Count(slot => !slot.IsConsuming && !slot.IsPaused);
            return _slots.Length == 0 ? "not started yet" : idle == 0 ? permits.Problem ?? pipeline.Unsettled.Problem : $"{idle} of {_slots.Length} slots take no tasks";
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.DeclareOnly)
        {
            return;
        }

        WorkerOptions worker = options.Value.Worker;
        using CancellationTokenSource drained = new();
        using CancellationTokenSource givenUp = new();
        await using ITimer drain = Quiet.CancelAfter(drained, Timeout.InfiniteTimeSpan, pipeline.Clock);
        await using ITimer giveUp = Quiet.CancelAfter(givenUp, Timeout.InfiniteTimeSpan, pipeline.Clock);
        await using CancellationTokenRegistration onStop = stoppingToken.Register(() =>
        {
            drain.Change(worker.DrainTimeout, Timeout.InfiniteTimeSpan);
            giveUp.Change(worker.DrainTimeout + TimeToSettle, Timeout.InfiniteTimeSpan);
        });
        _slots = [.. intake is null ? [] : TaskSlots(worker), .. EventSlots()];
        ThreadSupply.Provide(_slots.Length);
        pipeline.Control.Cancelled += Cancel;
        IEnumerable<Task> watchdogs = _slots.SelectMany(slot => slot.Lanes).Distinct()
            .Select(lane => new ConsumerWatchdog(lane, _slots, connection, pipeline.Clock, logger).RunAsync(stoppingToken));
        IEnumerable<Task> counting = _levels.Select(levels => levels.RunAsync(() => Each(slot => slot.Reconsider()), () => Each(slot => slot.Look()), stoppingToken));
        await permits.HoldWhileAsync(Task.WhenAll([.. watchdogs, .. counting, .. _slots.Select(slot => slot.RunAsync(stoppingToken, drained.Token, givenUp.Token))]));
    }

    private IEnumerable<TaskSlot> TaskSlots(WorkerOptions worker)
    {
        logger.TakingTasks(worker.Queues, worker.Concurrency, pipeline.Executor.Types);
        foreach ((string type, string queue) in topology.ExpectedTypes.Where(expected => worker.QueueNames.Contains(expected.Queue) && !topology.IsHandled(expected.Type, expected.Queue, pipeline.Executor.Types)))
        {
            logger.TypeWithoutHandler(type, queue);
        }

        QueueLevels levels = LevelsOf([.. worker.QueueNames.Select(name => topology[name])]);
        return Enumerable.Range(1, worker.Concurrency).Select(number => new TaskSlot(number, QueuesOf(levels), consumers(), _channels, connection, pipeline));
    }

    // One slot each: a replica handles the events of a subscription in their order.
    private IEnumerable<TaskSlot> EventSlots()
    {
        foreach (TaskQueue subscription in topology.Subscriptions.Where(subscription => subscription.Patterns.Count > 0))
        {
            logger.TakingEvents(subscription.Name);
            yield return new TaskSlot(1, QueuesOf(LevelsOf([subscription])), new SingleConsumers(pipeline), _channels, connection, pipeline);
        }
    }

    private SlotQueues QueuesOf(QueueLevels levels)
    {
        SlotLimits limits = new(permits);
        return new SlotQueues(levels, limits, new LaneGates(pipeline.Control, rests, limits), pipeline.Clock);
    }

    private QueueLevels LevelsOf(TaskQueue[] queues)
    {
        QueueLevels levels = new([.. queues.SelectMany(queue => queue.Lanes.All)], connection, pipeline.Clock, logger);
        _levels.Add(levels);
        return levels;
    }

    private void Each(Action<TaskSlot> tell)
    {
        foreach (TaskSlot slot in _slots)
        {
            tell(slot);
        }
    }

    private void Cancel(string task)
    {
        foreach (TaskRun run in _slots.Select(slot => slot.Consumer?.Run).OfType<TaskRun>().Where(run => pipeline.Control.IsCancelled(run.Message) && run.Message.Id == task))
        {
            run.Cancel();
        }
    }
}
