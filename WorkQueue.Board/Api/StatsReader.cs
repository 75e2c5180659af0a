using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>Puts the figures together: the same for the API and the board.</summary>
internal sealed class StatsReader(
    TaskProjection projection, TaskLookup lookup, HistorySettings settings, BrokerFigures figures, BrokerCheck check, IWorkerDirectory workers, IQueueCounts queues, ITaskControl control, IOptions<TaskBoardOptions> options, TaskCatalogue catalogue,
    HealthCheckService? health = null)
{
    public async Task<StatsView> ReadAsync(CancellationToken cancellationToken)
    {
        BrokerTotals broker = await figures.ReadAsync(cancellationToken);
        TaskCounts counts = projection.Counts();
        LiveStats live = projection.Live();
        HistoryProgress progress = projection.Progress;
        int workersAlive = workers.Current.Count;
        return new StatsView(
            new HistoryView(settings.Mode, lookup.State, progress.IsReplaying ? progress.Replayed : null, progress.StartsAt),
            new CountsView(
                counts[TaskState.Scheduled], counts[TaskState.Queued], counts[TaskState.Running], counts[TaskState.Retrying],
                counts[TaskState.Succeeded], counts[TaskState.DeadLettered], counts[TaskState.Cancelled], counts[TaskState.Unknown], counts.Confirmed, counts.Duplicates, counts.Dropped),
            new BrokerView(broker.Ready, broker.Unacknowledged, broker.Delayed, broker.Dead, check.Difference),
            new RatesView(live.InPerSecond, live.OutPerSecond, live.FailedShare),
            live.Wait,
            live.Run,
            live.OldestWaiting,
            live.TimeToDrain,
            workersAlive,
            [.. await ProblemsAsync(cancellationToken), .. AlarmsOf(broker, counts, workersAlive)],
            options.Value.DashboardUrl);
    }

    // Among them that the broker blocks publishers, for want of memory or disk.
    private async Task<IEnumerable<string>> ProblemsAsync(CancellationToken cancellationToken) => health is null
        ? []
        : (await health.CheckHealthAsync(cancellationToken)).Entries.Where(entry => entry.Value.Status != HealthStatus.Healthy)
            .Select(entry => $"{entry.Value.Status}: {entry.Value.Description ?? entry.Key}.");

    private IEnumerable<string> AlarmsOf(BrokerTotals broker, TaskCounts counts, int workersAlive)
    {
        if (broker.Ready is null)
        {
            yield return "The broker does not answer.";
        }

        if (check.Difference is { } difference)
        {
            yield return $"History and broker differ: {difference}.";
        }

        if (workersAlive == 0 && (broker.Ready > 0 || counts[TaskState.Queued] > 0))
        {
            yield return "Tasks wait, and no worker is alive.";
        }
        else
        {
            foreach (QueueCount idle in queues.Current.Where(queue => queue is { Ready: > 0, Consumers: 0 } && !control.PausedQueues.Contains(queue.Queue)))
            {
                yield return $"{idle.Ready} wait in queue {idle.Queue}, and no worker takes from it.";
            }
        }

        foreach (WorkerInfo worker in workers.Current.Where(worker => worker.Problem is not null))
        {
            yield return $"{worker.Id} takes no tasks: {worker.Problem}";
        }

        foreach ((string type, string queue) in catalogue.WithoutHandler(workers.Current))
        {
            yield return $"No worker has a handler for task type {type}: its tasks in queue {queue} wait for one, and are dead letters when WorkQueue:Worker:UnknownTypeGrace is over.";
        }

        if (broker.Unreadable > 0)
        {
            yield return $"{broker.Unreadable} message(s) that cannot be read are set aside; docs/operations.md says what to do with them.";
        }

        if (control.PausedQueues is { Count: > 0 } paused)
        {
            yield return $"Paused: {string.Join(", ", paused)}.";
        }
    }
}

/// <summary>The answer of <c>GET /stats</c>; times in seconds where they are numbers.</summary>
internal sealed record StatsView(
    HistoryView History, CountsView Counts, BrokerView Broker, RatesView Rates, Percentiles? Wait, Percentiles? Run, TimeSpan? OldestWaiting, TimeSpan? TimeToDrain,
    int Workers, IReadOnlyList<string> Alarms, Uri? DashboardUrl);

/// <summary>How much of the history has been read.</summary>
internal sealed record HistoryView(string Mode, string State, long? Replayed, DateTimeOffset? StartsAt);

/// <summary>Tasks by state; <c>dropped</c> of them are counted but no longer listed.</summary>
internal sealed record CountsView(
    long Scheduled, long Queued, long Running, long Retrying, long Succeeded, long DeadLettered, long Cancelled, long Unknown, long Confirmed, long Duplicates, long Dropped);

/// <summary>What the broker has; null is what is not known.</summary>
internal sealed record BrokerView(long? Ready, long? Unacknowledged, long? Delayed, long? Dead, string? Difference);

/// <summary>Over the last minute.</summary>
internal sealed record RatesView(double InPerSecond, double OutPerSecond, double? FailedShare);
