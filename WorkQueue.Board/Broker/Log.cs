namespace WorkQueue.Board.Broker;

/// <summary>What is logged about the broker, 51xx.</summary>
internal static partial class Log
{
    [LoggerMessage(5101, LogLevel.Debug, "RabbitMQ's management API at {Url} does not answer: {Reason}")]
    public static partial void NoManagement(this ILogger logger, string url, string reason);

    [LoggerMessage(5106, LogLevel.Warning, "A policy of the broker works against a queue: {Warning}")]
    public static partial void PolicyHarms(this ILogger logger, string warning);

    [LoggerMessage(5109, LogLevel.Warning, "RabbitMQ's management API is not asked: {Problem}. Rates, unacknowledged tasks and policies are not known")]
    public static partial void ManagementMisnamed(this ILogger logger, string problem);
}
