using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>
/// Compares what the history says is pending and dead with what the broker has, and finds the tasks that have left it without a word. A difference is told only when it is the same at two
/// checks, and larger than what moves between them: while tasks move, the two are never read at the same moment.
/// </summary>
internal sealed class BrokerCheck(
    TaskProjection projection, BrokerFigures figures, HistorySettings settings, TimeProvider clock, ILogger<BrokerCheck> logger) : BackgroundService
{
    // Longer than the five seconds that the management API may lag.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(6);

    // The management API's lag, and clocks that differ.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, DateTimeOffset> _emptyAt = new(StringComparer.Ordinal);
    private volatile string? _difference;
    private BrokerDifference? _last;

    /// <summary>What differs; null when nothing does, or nothing is known.</summary>
    public string? Difference => _difference;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Interval, clock);
        try
        {
            while (!settings.IsOff && await timer.WaitForNextTickAsync(stoppingToken))
            {
                await CheckAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task CheckAsync(CancellationToken stopping)
    {
        try
        {
            Compare(await figures.ReadAsync(stopping));
        }
#pragma warning disable CA1031 // The list cannot be read or written at the moment, which its reader tells of; nothing is known of a difference then.
        catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            (_last, _difference) = (null, null);
            _emptyAt.Clear();
            logger.CheckFailed(failure.Message, Interval);
        }
    }

    /// <summary>One check.</summary>
    public void Compare(BrokerTotals broker)
    {
        FindTaken(broker);
        BrokerDifference? now = projection.Progress.IsReplaying ? null : BrokerDifference.Of(projection.Counts(), broker, settings.OnlyFailures);
        LiveStats live = projection.Live();
        long moves = (long)(Interval.TotalSeconds * (live.InPerSecond + live.OutPerSecond));
        string? told = now is { IsNone: false } && now == _last && (now.Dead is not (null or 0) || Math.Abs(now.Pending ?? 0) > moves) ? now.ToString() : null;
        if (told is not null && _difference != told)
        {
            logger.HistoryDiffers(told);
        }

        (_last, _difference) = (now, told);
    }

    // What has no end and is not on the broker either was taken by somebody who reports nothing: a worker of another kind on an adopted queue, or a person.
    private void FindTaken(BrokerTotals broker)
    {
        DateTimeOffset now = clock.GetUtcNow();
        foreach (string queue in _emptyAt.Keys.Except(broker.Empty).ToArray())
        {
            _emptyAt.Remove(queue);
        }

        IReadOnlyDictionary<string, IReadOnlyDictionary<TaskState, long>> tasks = projection.Counts().ByQueue;
        foreach (string queue in projection.Progress.IsReplaying || settings.OnlyFailures ? [] : broker.Empty)
        {
            // At one check alone the API may not know yet what a worker has just got.
            // And the history must have been read at least to the first of the two.
            if (_emptyAt.TryGetValue(queue, out DateTimeOffset before) && projection.SeenUntil >= before && tasks.TryGetValue(queue, out IReadOnlyDictionary<TaskState, long>? states) && states[TaskState.Queued] + states[TaskState.Running] > 0)
            {
                projection.BecomeUnknown(queue, before - Margin, delayed: broker.Delayed == 0);
            }

            _emptyAt[queue] = now;
        }
    }
}

/// <summary>By how much the broker has more than the history tells of; null where it is not known.</summary>
internal sealed record BrokerDifference(long? Pending, long? Dead)
{
    public bool IsNone => Pending is null or 0 && Dead is null or 0;

    public static BrokerDifference Of(TaskCounts tasks, BrokerTotals broker, bool onlyFailures) => new(
        onlyFailures ? null : broker.Ready + broker.Unacknowledged + broker.Delayed - tasks.Pending - tasks.CancelledOnBroker,
        broker.Dead - tasks[TaskState.DeadLettered]);

    public override string ToString() => string.Join("; ", [.. Say(Pending, "pending tasks"), .. Say(Dead, "dead letters")]);

    private static IEnumerable<string> Say(long? more, string what) => more switch
    {
        > 0 => [$"the broker has {more} {what} more than the history tells of"],
        < 0 => [$"the broker has {-more} {what} fewer than the history tells of"],
        _ => [],
    };
}
