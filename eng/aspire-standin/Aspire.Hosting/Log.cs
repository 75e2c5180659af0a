using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "WorkQueue's stand-in for Aspire.Hosting: built with AspireSource=standin, because the package feed has no Aspire packages (eng/aspire-standin/README.md). Ctrl+C stops everything")]
    public static partial void Hello(this ILogger logger);

    [LoggerMessage(2, LogLevel.Information, "{Resource} runs as process {ProcessId} {Urls}")]
    public static partial void Started(this ILogger logger, string resource, int processId, string urls);

    [LoggerMessage(3, LogLevel.Information, "{Resource} ended with exit code {ExitCode}")]
    public static partial void Ended(this ILogger logger, string resource, int exitCode);

    [LoggerMessage(4, LogLevel.Error, "{Resource} did not start: {Reason}")]
    public static partial void FailedToStart(this ILogger logger, string resource, string reason);

    [LoggerMessage(5, LogLevel.Error, "Command {Command} of {Resource} failed")]
    public static partial void CommandFailed(this ILogger logger, Exception failure, string command, string resource);

    [LoggerMessage(6, LogLevel.Information, "Login to the dashboard at {Url}")]
    public static partial void DashboardReady(this ILogger logger, string url);

    [LoggerMessage(7, LogLevel.Warning, "The dashboard is unavailable: it {Reason}")]
    public static partial void DashboardFailed(this ILogger logger, string reason);

    [LoggerMessage(8, LogLevel.Information, "The dashboard is not installed, so telemetry goes nowhere: eng/setup.sh installs it with npm, or set ASPIRE_DASHBOARD_PATH")]
    public static partial void DashboardAbsent(this ILogger logger);

    [LoggerMessage(9, LogLevel.Warning, "{Resource}: the stand-in removes containers when it stops, also those with a persistent lifetime")]
    public static partial void PersistentIgnored(this ILogger logger, string resource);

    [LoggerMessage(10, LogLevel.Information, "{Resource} waits for {Dependencies}")]
    public static partial void Waits(this ILogger logger, string resource, string dependencies);

    [LoggerMessage(EventId = 11, Message = "{Line}")]
    public static partial void Output(this ILogger logger, LogLevel level, string line);
}
