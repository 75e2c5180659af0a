using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Monitoring;

/// <summary>Says in the log when a process can no longer do its work, and when it can again: a worker has no page to ask.</summary>
internal sealed class HealthReporter(IHostApplicationLifetime lifetime, ILogger<HealthReporter> logger) : IHealthCheckPublisher
{
    private HealthStatus _last = HealthStatus.Healthy;

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // It takes no more tasks because it is to stop.
            return Task.CompletedTask;
        }

        // Degraded: it does its work, and whoever found what is wrong says so.
        HealthStatus status = report.Status == HealthStatus.Degraded ? HealthStatus.Healthy : report.Status;
        if (status != _last && status == HealthStatus.Healthy)
        {
            logger.HealthyAgain();
        }
        else if (status != _last)
        {
            logger.Unhealthy(string.Join("; ", report.Entries.Where(check => check.Value.Status == HealthStatus.Unhealthy).Select(check => $"{check.Key}: {check.Value.Description}")));
        }

        _last = status;
        return Task.CompletedTask;
    }
}
