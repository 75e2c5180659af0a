using WorkQueue.Board.ReadModel.Rows;

namespace WorkQueue.Board.ReadModel;

/// <summary>
/// Finds a task for who may have enqueued it a moment ago, at this producer or another: the broker confirms a task before its record has come back from
/// the history.
/// </summary>
internal sealed class TaskFinder(TaskProjection projection, HistorySettings settings, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>A task; null when the history does not tell of it. One whose id was made within the last three seconds is waited for until then.</summary>
    public async Task<TaskView?> FindAsync(string id, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task next = projection.Next();
            TaskView? task = projection.Find(id);
            if (task is not null || settings.IsOff || settings.OnlyFailures || Patience - AgeOf(id) is not { } left || left <= TimeSpan.Zero)
            {
                return task;
            }

            await next.WaitAsync(left, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // The first 48 bits of a UUID of version 7 are the milliseconds since 1970 (RFC 9562 section 5.7). One of the future is of another clock, or made up.
    private TimeSpan? AgeOf(string id)
    {
        if (!Guid.TryParseExact(id, "D", out Guid uuid) || uuid.Version != 7)
        {
            return null;
        }

        TimeSpan age = TimeSpan.FromMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds() - Convert.ToInt64($"{id[..8]}{id[9..13]}", 16));
        return age < -Patience ? null : age;
    }
}
