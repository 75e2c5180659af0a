using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Who this process is to those who watch it.</summary>
internal sealed class WorkerIdentity(IConfiguration configuration, TimeProvider clock)
{
    /// <summary>Its name: under Aspire the replica's, elsewhere the machine and the process.</summary>
    public string Id { get; } = ReplicaOf(configuration)
        ?? string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}");

    public string Version { get; } = Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public DateTimeOffset StartedAt { get; } = clock.GetUtcNow();

    // OpenTelemetry's names for it, which Aspire sets: the service and its instance.
    private static string? ReplicaOf(IConfiguration configuration)
    {
        string? instance = configuration["OTEL_RESOURCE_ATTRIBUTES"]?.Split(',')
            .Select(attribute => attribute.Split('=', 2))
            .FirstOrDefault(attribute => attribute is ["service.instance.id", _])?[1];
        return instance is { Length: > 0 } && configuration["OTEL_SERVICE_NAME"] is { Length: > 0 } service ? $"{service}-{instance}" : null;
    }
}
