using Microsoft.Data.Sqlite;
using WorkQueue.Messaging;
using WorkQueue.Producer.History.Store;

namespace WorkQueue.Producer.History;

/// <summary>Reads the history into the projection, from where that stopped, and goes on with what happens.</summary>
internal sealed class HistoryFollower(
    ITaskHistory history, TaskProjection projection, TaskEvents events, TaskWaiters waiters, HistorySettings settings, TimeProvider clock, ILogger<HistoryFollower> logger)
    : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private DateTimeOffset _start;
    private bool _isChecked;

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
                await CheckAsync(stoppingToken);
                await FollowAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (SqliteException failure) when (TaskDatabase.IsDamage(failure))
            {
                logger.StoreDamaged(projection.Database.Path, failure.Message);
                BeginAnew();
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

    // A file that was there may be of another history, or this one may have gone on without it for longer than it is kept.
    private async Task CheckAsync(CancellationToken stopping)
    {
        while (!_isChecked && projection.Progress.LastOffset is { } last)
        {
            try
            {
                if (await history.ReadAsync([last], stopping) is not [var record] || !projection.IsLast(record))
                {
                    logger.StoreForeign(projection.Database.Path, last);
                    BeginAnew();
                }

                break;
            }
            catch (BrokerUnavailableException)
            {
                await Task.Delay(Pause, clock, stopping);
            }
        }

        _isChecked = true;
    }

    private async Task FollowAsync(CancellationToken stopping)
    {
        await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(projection.Progress.LastOffset + 1, stopping))
        {
            if ((projection.Database.IsThere ? projection.Damage : "it was deleted") is { } damage)
            {
                logger.StoreDamaged(projection.Database.Path, damage);
                BeginAnew();
                // From the beginning, not from here.
                return;
            }

            if (group.Count > 0 && group[0].Offset <= projection.Progress.LastOffset)
            {
                logger.HistoryAnew(projection.Progress.LastOffset);
                BeginAnew();
            }

            Apply(group);
        }
    }

    private void Apply(IReadOnlyList<HistoryRecord> group)
    {
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

    private void BeginAnew()
    {
        projection.Clear();
        // Their offsets are those of the history before.
        events.EndAll();
        _start = clock.GetUtcNow();
    }
}
