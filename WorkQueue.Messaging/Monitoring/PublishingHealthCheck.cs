using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Monitoring;

/// <summary>Healthy when there is a connection and the broker answers what is published on it; says what was set aside.</summary>
internal sealed class PublishingHealthCheck(
    [FromKeyedServices(ConnectionPurpose.Publish)] SupervisedConnection connection, ConfirmedPublisher publisher, TaskTopology topology, IQueueCounts? counts = null) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult((connection.Problem ?? publisher.Problem) is { } problem ? HealthCheckResult.Unhealthy(problem) : HealthCheckResult.Healthy(Note()));

    // It harms nothing any more, and waits for somebody.
    private string? Note() => counts?.Unreadable is > 0 and { } unreadable ? $"{unreadable} message(s) that cannot be read are set aside in queue {topology.Unreadable}" : null;
}
