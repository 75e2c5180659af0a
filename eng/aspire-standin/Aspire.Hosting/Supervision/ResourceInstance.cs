using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Supervision;

/// <summary>One process or container of a resource: one per replica. It keeps its id over a restart.</summary>
internal sealed class ResourceInstance(IResource resource, string suffix, Supervisor supervisor, ResourceNotificationService notifications, ILogger logger) : IDisposable
{
    private readonly string _displayName = (resource.Last<ReplicaAnnotation>()?.Replicas ?? 1) > 1 ? $"{resource.Name}-{suffix}" : resource.Name;
    private readonly string _endState = resource is ContainerResource ? KnownResourceStates.Exited : KnownResourceStates.Finished;
    private readonly SemaphoreSlim _gate = new(1);
    private CancellationTokenSource _starting = new();
    private ChildProcess? _process;
    private Task _ended = Task.CompletedTask;

    public IResource Resource { get; } = resource;
    public string Id { get; } = $"{resource.Name}-{suffix}";

    /// <summary>Starts the instance once what it waits for is there. A failure becomes its state.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_process is { Exited.IsCompleted: false })
                return;

            // Who saw it end may ask for a start before the end is fully reported.
            await _ended.ConfigureAwait(false);
            _starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await LaunchAsync(_starting.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_starting.IsCancellationRequested)
        {
            Publish(known => known with { State = _endState });
        }
        catch (Exception failure)
        {
            // Not only ours: callbacks of the AppHost run here, and one broken resource must not take the others along.
            logger.FailedToStart(_displayName, failure.Message);
            Publish(known => known with { State = KnownResourceStates.FailedToStart });
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task StopAsync(TimeSpan limit, CancellationToken hurry)
    {
        await _starting.CancelAsync().ConfigureAwait(false);
        await _gate.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (_process is null || _ended.IsCompleted)
                return;

            Publish(known => known with { State = KnownResourceStates.Stopping, HealthStatus = null });
            await _process.StopAsync(limit, hurry).ConfigureAwait(false);
            if (Resource is ContainerResource)
                await supervisor.RemoveContainerAsync(Id).ConfigureAwait(false);

            await _ended.ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Publish(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) => notifications.Publish(Resource, Id, change);

    public void Dispose()
    {
        _starting.Dispose();
        _gate.Dispose();
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        string[] dependencies = [.. Resource.Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource.Name).Distinct()];
        if (dependencies.Length > 0)
        {
            logger.Waits(_displayName, string.Join(", ", dependencies));
            Publish(known => known with { State = KnownResourceStates.Waiting });
            await Task.WhenAll(dependencies.SelectMany(notifications.Named).Select(instance => notifications.WaitForResourceHealthyAsync(instance.ResourceId, cancellationToken))).ConfigureAwait(false);
        }

        Publish(known => known with { State = KnownResourceStates.Starting, ExitCode = null });
        CommandLine command = await supervisor.PlanAsync(Resource, suffix, cancellationToken).ConfigureAwait(false);
        _process = await supervisor.Children.StartAsync(command, (line, error) => supervisor.Write(_displayName, Id, line, error)).ConfigureAwait(false);
        HealthMonitor? monitor = supervisor.MonitorOf(Resource);
        Publish(known => known with
        {
            State = KnownResourceStates.Running,
            HealthStatus = monitor is null ? HealthStatus.Healthy : HealthStatus.Unhealthy,
            Properties = [new("executable.pid", _process.Id)]
        });
        monitor?.Wake();
        logger.Started(_displayName, _process.Id, string.Join(", ", LinksOf(Resource)));
        _ended = ReportEndAsync(_process);
    }

    // The links it was given say all that its endpoints do.
    private static IEnumerable<string> LinksOf(IResource resource) =>
        resource is IResourceWithEndpoints reachable && resource.Annotations.OfType<EndpointUrlAnnotation>().ToArray() is { Length: > 0 } links
            ? links.Select(link => Describe(new EndpointReference(reachable, link.EndpointName), link))
            : resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => endpoint.Url);

    private static string Describe(EndpointReference endpoint, EndpointUrlAnnotation link)
    {
        ResourceUrlAnnotation made = link.Make(endpoint);
        return $"{made.DisplayText}: {new Uri(new Uri(endpoint.Url), made.Url)}".TrimStart(':', ' ');
    }

    private async Task ReportEndAsync(ChildProcess process)
    {
        int exitCode = await process.Exited.ConfigureAwait(false);
        Publish(known => known with { State = _endState, ExitCode = exitCode, HealthStatus = null });
        logger.Ended(_displayName, exitCode);
    }
}
