using Microsoft.Extensions.Logging;

namespace WorkQueue.Messaging.Diagnostics;

/// <summary>What a program that leads says, 32xx.</summary>
internal static partial class LeaderMessages
{
    [LoggerMessage(3201, LogLevel.Information, "This process leads")]
    public static partial void Leads(this ILogger logger);

    [LoggerMessage(3202, LogLevel.Warning, "This process does not lead, nor stand for it ({Reason}); it stands again")]
    public static partial void LeadingEnded(this ILogger logger, string reason);

    [LoggerMessage(3203, LogLevel.Warning, "Schedule {Schedule} was not run since {Since:u}; {MadeUp} occurrence(s) are made up for (Missed = {Rule})")]
    public static partial void OccurrencesMissed(this ILogger logger, string schedule, DateTimeOffset since, MissedOccurrences rule, int madeUp);

    [LoggerMessage(3204, LogLevel.Error, "Schedule {Schedule} cannot enqueue what is due: {Problem}")]
    public static partial void ScheduleTroubled(this ILogger logger, string schedule, string problem);

    [LoggerMessage(3205, LogLevel.Warning, "The schedules in the settings are not on the broker yet ({Reason}); trying again")]
    public static partial void SchedulesUntold(this ILogger logger, string reason);

    [LoggerMessage(3206, LogLevel.Error, "What the leader was asked ({Kind}) is passed over: it cannot be done")]
    public static partial void CommandPassedOver(this ILogger logger, Exception failure, string kind);

    [LoggerMessage(3207, LogLevel.Warning, "The leader was not told that task {TaskId} has ended ({Reason}); trying again")]
    public static partial void EndUntold(this ILogger logger, string taskId, string reason);

    [LoggerMessage(3208, LogLevel.Error, "That task {TaskId} has ended is told to nobody: the leader's queue is missing, and nobody has declared it again for {Limit}. What waits for it will not go on by itself")]
    public static partial void EndLost(this ILogger logger, string taskId, TimeSpan limit);

    [LoggerMessage(3209, LogLevel.Error, "Task {TaskId} holds a key, and may not be enqueued yet; trying again: {Reason}")]
    public static partial void UniqueTaskWaits(this ILogger logger, string taskId, string reason);

    [LoggerMessage(3210, LogLevel.Warning, "Workers were not told that task {TaskId} was replaced, and may run it with its earlier payload too: {Reason}")]
    public static partial void NotSuperseded(this ILogger logger, string taskId, string reason);

    [LoggerMessage(3211, LogLevel.Information, "Batch {Batch} of {Members} member(s) has {How}")]
    public static partial void BatchEnded(this ILogger logger, string batch, int members, string how);

    [LoggerMessage(3212, LogLevel.Information, "Batch {Batch} is cancelled: {Pending} member(s) that have not ended are dropped by the workers")]
    public static partial void BatchCancelled(this ILogger logger, string batch, int pending);

    [LoggerMessage(3213, LogLevel.Error, "Batch {Batch} cannot go on: {Problem}; trying again")]
    public static partial void BatchTroubled(this ILogger logger, string batch, string problem);
}
