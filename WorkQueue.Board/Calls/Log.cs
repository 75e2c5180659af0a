namespace WorkQueue.Board.Calls;

/// <summary>What is logged about calls, 51xx.</summary>
internal static partial class Log
{
    [LoggerMessage(5108, LogLevel.Error, "{Method} {Path} failed, trace id {TraceId}")]
    public static partial void RequestFailed(this ILogger logger, Exception failure, string method, string path, string traceId);
}
