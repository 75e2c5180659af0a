using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Monitoring;

/// <summary>Says in the log when a process can no longer do its work, and when it can again: a worker has no page to ask.</summary>
internal sealed class HealthReporter(IHostApplicationLifetime lifetime, ILogger<HealthReporter> logger) : IHealthCheckPublisher
{
    /// <summary>The check that a worker takes tasks.</summary>
    public const string WorkerCheck = "worker";

    private HealthStatus _last = HealthStatus.Healthy;

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        // Degraded: it does its work, and whoever found what is wrong says so. A worker that stops takes no more tasks because it is to.
        KeyValuePair<string, HealthReportEntry>[] unhealthy =
            [.. report.Entries.Where(check => check.Value.Status == HealthStatus.Unhealthy && !(check.Key == WorkerCheck && lifetime.ApplicationStopping.IsCancellationRequested))];
        HealthStatus status = unhealthy.Length == 0 ? HealthStatus.Healthy : HealthStatus.Unhealthy;
        if (status != _last && status == HealthStatus.Healthy)
        {
            logger.HealthyAgain();
        }
        else if (status != _last)
        {
            logger.Unhealthy(string.Join("; ", unhealthy.Select(check => $"{check.Key}: {check.Value.Description}")));
        }

        _last = status;
        return Task.CompletedTask;
    }
}
