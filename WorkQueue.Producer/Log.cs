namespace WorkQueue.Producer;

/// <summary>Every log message of the producer, 51xx.</summary>
internal static partial class Log
{
    [LoggerMessage(5101, LogLevel.Debug, "RabbitMQ's management API at {Url} does not answer: {Reason}")]
    public static partial void NoManagement(this ILogger logger, string url, string reason);
}
