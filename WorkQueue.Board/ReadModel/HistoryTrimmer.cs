using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Forgets the finished tasks of which the history tells nothing any more: the broker drops its oldest part by age and size, and says so to nobody.</summary>
internal sealed class HistoryTrimmer(ITaskHistory history, TaskProjection projection, HistorySettings settings, TimeProvider clock, ILogger<HistoryTrimmer> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Interval, clock);
        try
        {
            while (!settings.IsOff && await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TrimAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Looks once where the history begins.</summary>
    public async Task TrimAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(null, cancellationToken))
            {
                if (!projection.Progress.IsReplaying && group is [var first, ..])
                {
                    projection.ForgetBefore(first);
                }

                break;
            }
        }
#pragma warning disable CA1031 // What is forgotten later than it could be harms nobody.
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            logger.TrimFailed(failure.Message, Interval);
        }
    }
}
