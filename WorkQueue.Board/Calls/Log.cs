namespace WorkQueue.Board.Calls;

/// <summary>What is logged about calls, 51xx.</summary>
internal static partial class Log
{
    [LoggerMessage(5108, LogLevel.Error, "{Method} {Path} failed, trace id {TraceId}")]
    public static partial void RequestFailed(this ILogger logger, Exception failure, string method, string path, string traceId);

    [LoggerMessage(5120, LogLevel.Information, "The API keys have changed: {Keys}")]
    public static partial void KeysChanged(this ILogger logger, string keys);

    [LoggerMessage(5121, LogLevel.Error, "The API keys were changed, but {Problem} Those of before go on")]
    public static partial void KeysNotChanged(this ILogger logger, string problem);

    [LoggerMessage(5122, LogLevel.Information, "{Who} from {Address}: {Method} {Path} {About}: {Outcome}")]
    public static partial void Changed(this ILogger logger, string who, string address, string method, string path, string about, string outcome);
}
