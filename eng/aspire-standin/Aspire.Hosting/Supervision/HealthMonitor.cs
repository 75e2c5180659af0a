using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Supervision;

/// <summary>Runs the health checks of one resource while it runs, often until they pass and seldom afterwards.</summary>
internal sealed class HealthMonitor(IResource resource, string[] keys, HealthCheckService checks, ResourceNotificationService notifications) : IDisposable
{
    private static readonly TimeSpan WhenHealthy = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WhenUnhealthy = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _changed = new(0);

    /// <summary>An instance has just started: look now, not when the interval ends.</summary>
    public void Wake() => _changed.Release();

    public void Dispose() => _changed.Dispose();

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await notifications.WaitForResourceAsync(resource.Name, KnownResourceStates.Running, stopping).ConfigureAwait(false);
                HealthStatus health = await CheckAsync(stopping).ConfigureAwait(false);
                foreach (ResourceEvent instance in notifications.Named(resource.Name))
                    notifications.Publish(resource, instance.ResourceId, known => known.IsRunning ? known with { HealthStatus = health } : known);

                await _changed.WaitAsync(health == HealthStatus.Healthy ? WhenHealthy : WhenUnhealthy, stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The application stops.
        }
    }

    private async Task<HealthStatus> CheckAsync(CancellationToken stopping)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(CheckLimit);
        try
        {
            // WaitAsync as well, for a check that does not look at its token.
            HealthReport report = await checks.CheckHealthAsync(registration => keys.Contains(registration.Name), limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            return report.Status;
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return HealthStatus.Unhealthy;
        }
    }
}
