namespace WorkQueue.Worker;

/// <summary>Every log message of the handlers, 71xx.</summary>
internal static partial class Log
{
    // The one message that shows a payload: a simulate task is nothing but its text.
    [LoggerMessage(7101, LogLevel.Information, "Received {Text}")]
    public static partial void Received(this ILogger logger, string text);
}
