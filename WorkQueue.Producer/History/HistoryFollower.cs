using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>Reads the history from its beginning into the projection, and goes on with what happens.</summary>
internal sealed class HistoryFollower(
    ITaskHistory history, TaskProjection projection, TaskEvents events, TaskWaiters waiters, HistorySettings settings, TimeProvider clock, ILogger<HistoryFollower> logger)
    : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private DateTimeOffset _start;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (settings.IsOff)
        {
            projection.EndReplay();
            return;
        }

        _start = clock.GetUtcNow();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever failed, the view must not stay behind for ever: it is read on from where it was.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                logger.HistoryInterrupted(failure, projection.Progress.LastOffset, Pause);
            }

            await Task.Delay(Pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(CancellationToken stopping)
    {
        await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(projection.Progress.LastOffset + 1, stopping))
        {
            if (group.Count > 0 && group[0].Offset <= projection.Progress.LastOffset)
            {
                logger.HistoryAnew(projection.Progress.LastOffset);
                projection.Clear();
                // Their offsets are those of the history before.
                events.EndAll();
                _start = clock.GetUtcNow();
            }

            bool wasReplaying = projection.Progress.IsReplaying;
            projection.Apply(group);
            foreach (HistoryRecord record in group)
            {
                waiters.Observe(record);
                if (!wasReplaying)
                {
                    events.Publish(record);
                }
            }

            // Under load the history is never read to its end; what was made after the start is not replay.
            if (wasReplaying && (group.Count == 0 || group[^1].At >= _start))
            {
                projection.EndReplay();
                logger.HistoryReplayed(projection.Progress.Replayed, clock.GetUtcNow() - _start);
            }
        }
    }
}
