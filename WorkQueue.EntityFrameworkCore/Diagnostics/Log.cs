using Microsoft.Extensions.Logging;

namespace WorkQueue.EntityFrameworkCore.Diagnostics;

/// <summary>Every log message of the outbox, 61xx. None carries a payload.</summary>
internal static partial class Log
{
    [LoggerMessage(6101, LogLevel.Warning, "The outbox of {Context} waits, and tries again at most every 5 s: {Reason}")]
    public static partial void OutboxWaits(this ILogger logger, string context, string reason);

    [LoggerMessage(6102, LogLevel.Error, "The outbox of {Context} cannot be read or written; it is tried again at most every 5 s")]
    public static partial void OutboxUnreadable(this ILogger logger, Exception failure, string context);

    [LoggerMessage(6103, LogLevel.Information, "The outbox of {Context} sends again")]
    public static partial void OutboxWorks(this ILogger logger, string context);

    [LoggerMessage(6104, LogLevel.Warning, "Task {TaskId} ({Type}) of the outbox of {Context} was not taken at attempt {Attempt}; the next one is in {Seconds:0.0} s: {Reason}")]
    public static partial void OutboxTaskRefused(this ILogger logger, string taskId, string type, string context, int attempt, double seconds, string reason);

    [LoggerMessage(6105, LogLevel.Error, "Task {TaskId} ({Type}) of the outbox of {Context} is set aside after attempt {Attempt}, and will not be sent until its SetAsideAt is null: {Reason}")]
    public static partial void OutboxTaskSetAside(this ILogger logger, string taskId, string type, string context, int attempt, string reason);

    [LoggerMessage(6106, LogLevel.Debug, "What waits in the outbox of {Context} could not be counted: {Reason}")]
    public static partial void OutboxNotCounted(this ILogger logger, string context, string reason);
}
