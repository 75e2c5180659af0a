using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Runs the slots of this process, and drains them when it stops.</summary>
internal sealed class TaskWorkerService(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection,
    TaskTopology topology,
    TaskPipeline pipeline,
    IOptions<WorkQueueOptions> options,
    ILogger<TaskWorkerService> logger) : BackgroundService
{
    // For a deaf handler's last second and the confirm that gives its task back; with the default drain of 8 s it ends before Aspire kills at 12 s.
    private static readonly TimeSpan TimeToSettle = TimeSpan.FromSeconds(2);

    private TaskSlot[] _slots = [];

    /// <summary>The slots, once started.</summary>
    internal IReadOnlyList<TaskSlot> Slots => _slots;

    /// <summary>What keeps this worker from taking tasks, or null.</summary>
    public string? Problem
    {
        get
        {
            int idle = _slots.Count(slot => !slot.IsConsuming && !slot.IsPaused);
            return _slots.Length == 0 ? "not started yet" : idle == 0 ? null : $"{idle} of {_slots.Length} slots take no tasks";
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
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
        TaskQueue queue = topology[worker.Queues];
        _slots = [.. Enumerable.Range(1, worker.Concurrency).Select(number => new TaskSlot(number, queue, connection, pipeline))];
        pipeline.Control.Cancelled += Cancel;
        logger.TakingTasks(queue.Name, _slots.Length);
        ConsumerWatchdog watchdog = new(queue, _slots, connection, pipeline.Clock, logger);
        await Task.WhenAll([watchdog.RunAsync(stoppingToken), .. _slots.Select(slot => slot.RunAsync(stoppingToken, drained.Token, givenUp.Token))]);
    }

    private void Cancel(string task)
    {
        foreach (TaskRun run in _slots.Select(slot => slot.Consumer?.Run).OfType<TaskRun>().Where(run => pipeline.Control.IsCancelled(run.Message) && run.Message.Id == task))
        {
            run.Cancel();
        }
    }
}
