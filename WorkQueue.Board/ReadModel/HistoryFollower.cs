using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Reads the history into the projection, from where that stopped, and goes on with what happens.</summary>
internal sealed class HistoryFollower(
    ITaskHistory history, TaskProjection projection, TaskEvents events, TaskWaiters waiters, HistorySettings settings, TimeProvider clock, ILogger<HistoryFollower> logger)
    : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Times that nothing came, half a second each. The end is where it was looked up; what is no record is not told of, so that it may never come, and of an empty stream there is none.
    private const int FewQuiet = 2;
    private const int SomeQuiet = 6;
    private const int ManyQuiet = 20;

    // How often its end is looked up before a history that ends too early is another one.
    private const int ManyLooks = 6;

    private DateTimeOffset _start;
    private string? _damage;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (settings.IsOff)
        {
            projection.EndReplay();
            return;
        }

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                _start = clock.GetUtcNow();
                if ((_damage ?? projection.Damage) is { } damage)
                {
                    BeginAnew(() => logger.StoreDamaged(projection.Database.Path, damage));
                }

                await FollowAsync(await FindEndAsync(projection.Progress.LastOffset, stoppingToken), stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever failed, the view must not stay behind for ever: it is read on from where it was.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                // What is asked meanwhile must not be guessed from what was known before.
                projection.BeginReplay();
                // They would miss what is read in the replay.
                events.EndAll();
                _damage = failure is SqliteException file && TaskDatabase.IsDamage(file) ? file.Message : _damage;
                logger.HistoryInterrupted(failure, projection.Progress.LastOffset, Pause);
            }

            await Task.Delay(Pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // A node of a cluster that was away reads on from the others first: for as long its end is before what is known, and to read all of it again takes much longer.
    // One that has nothing at all is of another history.
    private async Task<long?> FindEndAsync(long? known, CancellationToken stopping)
    {
        long? end = await FindEndAsync(stopping);
        for (int looks = 1; end < known && looks < ManyLooks; looks++)
        {
            await Task.Delay(Pause, clock, stopping);
            end = await FindEndAsync(stopping);
        }

        return end;
    }

    // How far to read before anything can be told for sure; null where nothing is there.
    private async Task<long?> FindEndAsync(CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                return await history.FindEndAsync(stopping);
            }
            catch (BrokerUnavailableException)
            {
                await Task.Delay(Pause, clock, stopping);
            }
        }
    }

    private async Task FollowAsync(long? end, CancellationToken stopping)
    {
        // The last record that is known is read again: a file that was there may be of another history, or this one has gone on without it for longer than it is kept.
        long? known = projection.Progress.LastOffset;
        int patience = known is null ? FewQuiet : SomeQuiet;
        if (known is { } last && (end ?? -1) < last)
        {
            BeginAnew(() => logger.StoreForeign(projection.Database.Path, last));
            known = null;
        }

        int quiet = 0;
        Task<long?>? looking = null;
        await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(known, stopping))
        {
            if ((projection.Database.IsThere ? projection.Damage : "it was deleted") is { } damage)
            {
                _damage = damage;
                return;
            }

            quiet = group.Count == 0 ? quiet + 1 : 0;
            if (known is { } gone && quiet >= ManyQuiet)
            {
                // A stream made anew since its end was looked up: nothing is there where this one had ended.
                BeginAnew(() => logger.StoreForeign(projection.Database.Path, gone));
                return;
            }

            IReadOnlyList<HistoryRecord> more = group;
            if (known is { } expected && group.Count > 0)
            {
                if (!projection.IsLast(group[0]))
                {
                    BeginAnew(() => logger.StoreForeign(projection.Database.Path, expected));
                    return;
                }

                known = null;
                more = [.. group.Skip(1)];
            }
            else if (group.Count > 0 && group[0].Offset <= projection.Progress.LastOffset)
            {
                BeginAnew(() => logger.HistoryAnew(projection.Progress.LastOffset));
                (end, looking) = (null, null);
            }

            if (end is null && group.Count > 0 && projection.Progress.IsReplaying)
            {
                // Nothing was there when the end was looked for, and under load no quiet moment tells that all of it is read.
                looking ??= FindEndAsync(stopping);
            }

            if (looking is { IsCompleted: true })
            {
                (end, looking) = (await looking, null);
            }

            bool isRead = known is null && (projection.Progress.LastOffset >= end || more.Count > 0 && more[^1].Offset >= end || quiet >= (end is null ? patience : SomeQuiet));
            Apply(more, isRead, isQuiet: quiet > 0 && known is null);
        }
    }

    private void Apply(IReadOnlyList<HistoryRecord> group, bool isRead, bool isQuiet)
    {
        bool wasReplaying = projection.Progress.IsReplaying;
        projection.Apply(group);
        if (isQuiet)
        {
            projection.HasSeenAll();
        }

        foreach (HistoryRecord record in group)
        {
            waiters.Observe(record);
            if (!wasReplaying)
            {
                events.Publish(record);
            }
        }

        if (wasReplaying && isRead)
        {
            projection.EndReplay();
            logger.HistoryReplayed(projection.Progress.Replayed, clock.GetUtcNow() - _start);
        }
    }

    private void BeginAnew(Action say)
    {
        say();
        // Until it is done: the disk may be full.
        _damage = "it could not be made anew";
        projection.Clear();
        _damage = null;
        // Their offsets are those of the history before.
        events.EndAll();
    }
}
