using System.Globalization;

namespace Aspire.Hosting.ApplicationModel;

public enum EndpointProperty
{
    Url = 0,
    Host = 1,
    Port = 3,
    Scheme = 4,
    TargetPort = 5,
    HostAndPort = 6
}

public sealed class EndpointAnnotation : IResourceAnnotation
{
    internal const string Host = "localhost";
    private readonly TaskCompletionSource _allocated = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal EndpointAnnotation(string name, string scheme) => (Name, UriScheme) = (name, scheme);

    public string Name { get; }
    public string UriScheme { get; }

    /// <summary>The port others use; null means that one is chosen at start.</summary>
    public int? Port { get; set; }

    /// <summary>The port the resource listens on; inside a container this differs from <see cref="Port"/>.</summary>
    public int? TargetPort { get; set; }

    public bool IsProxied { get; set; }
    internal string? EnvironmentVariable { get; init; }
    internal bool IsHttp => UriScheme is "http" or "https";
    internal Task Allocated => _allocated.Task;
    internal string HostAndPort => $"{Host}:{Port!.Value.ToString(CultureInfo.InvariantCulture)}";
    internal string Url => $"{UriScheme}://{HostAndPort}";

    internal void Allocate(int port, int targetPort)
    {
        (Port, TargetPort) = (port, targetPort);
        _allocated.TrySetResult();
    }
}

/// <summary>An endpoint of a resource, which may be defined and get its port later.</summary>
public sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName) : IValueProvider
{
    public IResourceWithEndpoints Resource { get; } = owner;
    public string EndpointName { get; } = endpointName;
    public string Host { get; } = EndpointAnnotation.Host;
    public int Port => Allocated.Port!.Value;
    public string Url => Allocated.Url;

    internal EndpointAnnotation Annotation => Resource.Annotations.OfType<EndpointAnnotation>().LastOrDefault(endpoint => IsNamed(endpoint.Name))
        ?? throw new InvalidOperationException($"Resource '{Resource.Name}' has no endpoint named '{EndpointName}'.");

    private EndpointAnnotation Allocated => Annotation is { Allocated.IsCompleted: true } allocated ? allocated
        : throw new InvalidOperationException($"Endpoint '{EndpointName}' of resource '{Resource.Name}' has no address before the application starts.");

    public EndpointReferenceExpression Property(EndpointProperty property) => new(this, property);

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => Property(EndpointProperty.Url).GetValueAsync(cancellationToken);

    internal bool IsNamed(string name) => string.Equals(name, EndpointName, StringComparison.OrdinalIgnoreCase);
}

public sealed class EndpointReferenceExpression(EndpointReference endpointReference, EndpointProperty property) : IValueProvider
{
    public async ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default)
    {
        EndpointAnnotation endpoint = endpointReference.Annotation;
        await endpoint.Allocated.WaitAsync(cancellationToken).ConfigureAwait(false);
        return property switch
        {
            EndpointProperty.Url => endpoint.Url,
            EndpointProperty.Host => EndpointAnnotation.Host,
            EndpointProperty.Port => endpoint.Port!.Value.ToString(CultureInfo.InvariantCulture),
            EndpointProperty.Scheme => endpoint.UriScheme,
            EndpointProperty.TargetPort => endpoint.TargetPort!.Value.ToString(CultureInfo.InvariantCulture),
            EndpointProperty.HostAndPort => endpoint.HostAndPort,
            _ => throw new InvalidOperationException($"Unknown endpoint property {property}.")
        };
    }
}
