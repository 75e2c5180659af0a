using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace WorkQueue.Messaging.Diagnostics;

/// <summary>Says in the log when a process can no longer do its work, and when it can again: a worker has no page to ask.</summary>
internal sealed class HealthReporter(ILogger<HealthReporter> logger) : IHealthCheckPublisher
{
    private HealthStatus _last = HealthStatus.Healthy;

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        if (report.Status != _last && report.Status == HealthStatus.Healthy)
        {
            logger.HealthyAgain();
        }
        else if (report.Status != _last)
        {
            logger.Unhealthy(string.Join("; ", report.Entries.Where(check => check.Value.Status != HealthStatus.Healthy).Select(check => $"{check.Key}: {check.Value.Description}")));
        }

        _last = report.Status;
        return Task.CompletedTask;
    }
}
