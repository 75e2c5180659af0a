namespace WorkQueue.Board.ReadModel;

/// <summary>What is logged about the history and the task list, 51xx.</summary>
internal static partial class Log
{
    [LoggerMessage(5102, LogLevel.Warning, "Reading the history of tasks stopped after offset {Offset}; it goes on in {Pause}")]
    public static partial void HistoryInterrupted(this ILogger logger, Exception failure, long? offset, TimeSpan pause);

    [LoggerMessage(5103, LogLevel.Information, "The history of tasks is read: {Records} records in {Time}")]
    public static partial void HistoryReplayed(this ILogger logger, long records, TimeSpan time);

    [LoggerMessage(5104, LogLevel.Warning, "History and broker differ: {Difference}")]
    public static partial void HistoryDiffers(this ILogger logger, string difference);

    [LoggerMessage(5107, LogLevel.Warning, "The history of tasks was deleted after offset {Offset} and made anew: what it told is forgotten")]
    public static partial void HistoryAnew(this ILogger logger, long? offset);

    [LoggerMessage(5110, LogLevel.Warning, "The tasks in {Path} are of another history than the broker's, or it no longer has what follows offset {Offset}: the history is read from its beginning")]
    public static partial void StoreForeign(this ILogger logger, string path, long offset);

    [LoggerMessage(5111, LogLevel.Warning, "The file {Path} is of no more use ({Reason}): it is made anew from the history, from its beginning")]
    public static partial void StoreDamaged(this ILogger logger, string path, string reason);

    [LoggerMessage(5112, LogLevel.Warning, "No file can be kept at {Path} ({Reason}): the tasks are kept in memory, and the history is read from its beginning at each start (WorkQueue:Board:Store)")]
    public static partial void StoreInMemory(this ILogger logger, string path, string reason);

    [LoggerMessage(5113, LogLevel.Debug, "Where the history begins is not known ({Reason}); it is looked for again in {Interval}")]
    public static partial void TrimFailed(this ILogger logger, string reason, TimeSpan interval);

    [LoggerMessage(5114, LogLevel.Warning, "History and broker could not be compared ({Reason}); again in {Interval}")]
    public static partial void CheckFailed(this ILogger logger, string reason, TimeSpan interval);

    [LoggerMessage(5105, LogLevel.Warning, "Task {TaskId} runs again under a new id, but its dead letter is still there: {Reason}")]
    public static partial void LetterNotDiscarded(this ILogger logger, string taskId, string reason);
}
