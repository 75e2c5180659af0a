using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Monitoring;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Tells what this worker does: that a task runs, how far it is, and that the worker lives. A task that has ended before anybody could have
/// seen it run is not announced: its end tells when it began.
/// </summary>
internal sealed class WorkerReporter(
    TaskWorkerService worker, TaskExecutor executor, PermitPools permits, HistoryRecorder events, ConfirmedPublisher publisher, TaskTopology topology, WorkerIdentity identity, ThreadSupply threads, TimeProvider clock, ILogger<WorkerReporter> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);

    private long _toldAt;
    private long _progressAt;

    // What still runs when it ends is drained; the heartbeats end too, and with them the worker for those who watch.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Supervision.EveryAsync(Interval, ReportAsync, clock, stoppingToken);

    private Task ReportAsync(CancellationToken stopping)
    {
        if (threads.Tick(Interval))
        {
            logger.ThreadsBlocked(threads.Problem!);
        }

        TaskRun[] runs = [.. worker.Slots.Select(slot => slot.Consumer?.Run).OfType<TaskRun>()];
        bool progressDue = clock.GetElapsedTime(_progressAt) >= ProgressInterval;
        foreach (TaskRun run in runs)
        {
            Announce(run, progressDue);
        }

        _progressAt = progressDue ? clock.GetTimestamp() : _progressAt;
        if (_toldAt == 0 || clock.GetElapsedTime(_toldAt) >= WorkerHeartbeat.Interval)
        {
            _toldAt = clock.GetTimestamp();
            Tell(runs);
        }

        return Task.CompletedTask;
    }

    private void Announce(TaskRun run, bool progressDue)
    {
        AttemptRun who = new(identity.Id, run.StartedAt);
        if (!run.IsRecorded && clock.GetUtcNow() - run.StartedAt >= Interval)
        {
            run.IsRecorded = true;
            events.Running(run.Message, who, null);
        }

        if (progressDue && run.IsRecorded && run.TakeProgress() is { } progress)
        {
            events.Running(run.Message, who, progress);
        }
    }

    private void Tell(TaskRun[] runs)
    {
        WorkerInfo info = new(
            identity.Id, Environment.MachineName, identity.Version, worker.Slots.Count, [.. worker.Slots.SelectMany(slot => slot.Lanes).Select(lane => lane.Queue.Name).Distinct()], identity.StartedAt, clock.GetUtcNow(),
            [.. runs.Select(run => new RunningTask(run.Message.Id, run.Message.Type, run.StartedAt))], worker.Problem ?? threads.Problem)
        {
            Types = executor.Types,
            Permits = permits.Used,
        };
        _ = publisher.PublishAsync(WorkerHeartbeat.Write(info, topology), WorkerHeartbeat.Interval, CancellationToken.None).AsTask()
            .ContinueWith(told => _ = told.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }
}
