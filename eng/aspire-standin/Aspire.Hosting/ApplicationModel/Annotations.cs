namespace Aspire.Hosting.ApplicationModel;

public enum ContainerLifetime
{
    Session = 0,
    Persistent = 1
}

public sealed class ContainerImageAnnotation : IResourceAnnotation
{
    public string? Registry { get; set; }
    public required string Image { get; set; }
    public string? Tag { get; set; }
}

/// <summary>A link of a resource. A relative one is meant on its endpoint.</summary>
public sealed class ResourceUrlAnnotation : IResourceAnnotation
{
    public required string Url { get; set; }
    public string? DisplayText { get; set; }
}

public sealed class EnvironmentCallbackContext
{
    internal EnvironmentCallbackContext(IResource resource) => Resource = resource;

    public IResource Resource { get; }
    public Dictionary<string, object> EnvironmentVariables { get; } = [];
}

internal sealed record VolumeAnnotation(string? Source, string Target, bool IsReadOnly) : IResourceAnnotation;
internal sealed record ContainerLifetimeAnnotation(ContainerLifetime Lifetime) : IResourceAnnotation;
internal sealed record ReplicaAnnotation(int Replicas) : IResourceAnnotation;
internal sealed record HealthCheckAnnotation(string Key) : IResourceAnnotation;
internal sealed record WaitAnnotation(IResource Resource) : IResourceAnnotation;
internal sealed record EnvironmentCallbackAnnotation(Func<EnvironmentCallbackContext, Task> Callback) : IResourceAnnotation;
internal sealed record ArgumentsAnnotation(object[] Arguments) : IResourceAnnotation;
internal sealed record EndpointUrlAnnotation(string EndpointName, Func<EndpointReference, ResourceUrlAnnotation> Make) : IResourceAnnotation;
internal sealed record ResourceCommandAnnotation(string Name, Func<ExecuteCommandContext, Task<ExecuteCommandResult>> ExecuteCommand) : IResourceAnnotation;
