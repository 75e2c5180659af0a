namespace WorkQueue.Messaging;

/// <summary>A schedule as it is at the moment.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Options">What it does.</param>
/// <param name="IsPaused">It was paused.</param>
/// <param name="Next">When it is due next, at most five times; none where it is paused or not enabled.</param>
/// <param name="Problem">Why what was due could not be enqueued, or it is never due; null where nothing is wrong.</param>
/// <param name="Runs">What it has done last, the newest first, at most ten.</param>
public sealed record Schedule(string Name, ScheduleOptions Options, bool IsPaused, IReadOnlyList<DateTimeOffset> Next, string? Problem, IReadOnlyList<ScheduleRun> Runs);

/// <summary>What became of one occurrence of a schedule.</summary>
/// <param name="DueAt">When it was due.</param>
/// <param name="At">When it was enqueued, or left out.</param>
/// <param name="TaskId">The task; null where it was left out, because the one before had not ended.</param>
/// <param name="IsManual">It was enqueued by hand.</param>
public sealed record ScheduleRun(DateTimeOffset DueAt, DateTimeOffset At, string? TaskId, bool IsManual = false);
