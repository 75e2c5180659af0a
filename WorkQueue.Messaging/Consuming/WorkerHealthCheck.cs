using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Healthy when every slot is a consumer on the broker: "can take tasks", not "process up". Degraded when handlers take the threads from all else.</summary>
internal sealed class WorkerHealthCheck(TaskWorkerService worker, ThreadSupply threads) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        worker.Problem is { } problem ? HealthCheckResult.Unhealthy(problem) : threads.Problem is { } shortage ? HealthCheckResult.Degraded(shortage) : HealthCheckResult.Healthy());
}
