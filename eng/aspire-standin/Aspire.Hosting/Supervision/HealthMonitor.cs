using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Supervision;

/// <summary>Runs the health checks of one resource while it runs, often until they pass and seldom afterwards.</summary>
internal sealed class HealthMonitor(IResource resource, IServiceProvider services) : IDisposable
{
    private static readonly TimeSpan WhenHealthy = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(10);

    private readonly ResourceNotificationService _notifications = services.GetRequiredService<ResourceNotificationService>();
    private readonly HealthCheckService _checks = services.GetRequiredService<HealthCheckService>();
    private readonly SemaphoreSlim _changed = new(0);

    public string[] Keys { get; } = [.. resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => check.Key)];

    /// <summary>An instance has just started: look now, not when the interval ends.</summary>
    public void Wake() => _changed.Release();

    public void Dispose() => _changed.Dispose();

    public async Task RunAsync(CancellationToken stopping)
    {
        bool ready = false;
        TimeSpan retry = FirstRetry;
        try
        {
            while (true)
            {
                await _notifications.WaitForResourceAsync(resource.Name, KnownResourceStates.Running, stopping).ConfigureAwait(false);
                HealthReportSnapshot[] reports = await CheckAsync(stopping).ConfigureAwait(false);
                foreach (ResourceEvent instance in _notifications.CurrentOf(resource))
                    await _notifications.PublishUpdateAsync(resource, instance.ResourceId, known => known.State?.Text == KnownResourceStates.Running ? known with { HealthReports = [.. reports] } : known).ConfigureAwait(false);

                bool healthy = reports.All(report => report.Status == HealthStatus.Healthy);
                if (healthy && !ready)
                {
                    ready = true;
                    await services.GetRequiredService<IDistributedApplicationEventing>().PublishAsync(new ResourceReadyEvent(resource, services), stopping).ConfigureAwait(false);
                }

                if (healthy && Keys.Length == 0)
                    return;

                bool restarted = await _changed.WaitAsync(healthy ? WhenHealthy : retry, stopping).ConfigureAwait(false);
                retry = healthy || restarted ? FirstRetry : TimeSpan.FromTicks(Math.Min((retry + FirstRetry).Ticks, LongestRetry.Ticks));
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The application stops.
        }
    }

    private async Task<HealthReportSnapshot[]> CheckAsync(CancellationToken stopping)
    {
        if (Keys.Length == 0)
            return [];

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(CheckLimit);
        try
        {
            // WaitAsync as well, for a check that does not look at its token.
            HealthReport report = await _checks.CheckHealthAsync(registration => Keys.Contains(registration.Name), limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            return [.. report.Entries.Select(entry => new HealthReportSnapshot(entry.Key, entry.Value.Status, entry.Value.Description, entry.Value.Exception?.ToString()))];
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return [.. Keys.Select(key => new HealthReportSnapshot(key, HealthStatus.Unhealthy, $"No answer within {CheckLimit.TotalSeconds} s.", null))];
        }
    }
}
