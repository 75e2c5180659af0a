using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Supervision;

/// <summary>One process or container of a resource: one per replica. It keeps its id over a restart.</summary>
internal sealed class ResourceInstance(IResource resource, string suffix, string displayName, Supervisor supervisor, IServiceProvider services, ILogger logger) : IDisposable
{
    private readonly ResourceNotificationService _notifications = services.GetRequiredService<ResourceNotificationService>();
    private readonly IDistributedApplicationEventing _eventing = services.GetRequiredService<IDistributedApplicationEventing>();
    private readonly TimeProvider _clock = services.GetRequiredService<TimeProvider>();
    private readonly SemaphoreSlim _gate = new(1);
    private CancellationTokenSource _starting = new();
    private ChildProcess? _process;
    private Task _ended = Task.CompletedTask;

    public IResource Resource { get; } = resource;

    public string Id { get; } = $"{resource.Name}-{suffix}";

    private string EndState => Resource is ContainerResource ? KnownResourceStates.Exited : KnownResourceStates.Finished;

    /// <summary>Starts the instance once what it waits for is there. A failure becomes its state.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_ended.IsCompleted)
                return;

            _starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await LaunchAsync(_starting.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_starting.IsCancellationRequested)
        {
            await PublishAsync(known => known with { State = EndState }).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            // Not only ours: callbacks of the AppHost run here, and one broken resource must not take the others along.
            logger.FailedToStart(displayName, failure.Message);
            await PublishAsync(known => known with { State = KnownResourceStates.FailedToStart }).ConfigureAwait(false);
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

            await PublishAsync(known => known with { State = KnownResourceStates.Stopping, HealthReports = [] }).ConfigureAwait(false);
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

    public Task PublishAsync(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) => _notifications.PublishUpdateAsync(Resource, Id, change);

    public void Dispose()
    {
        _starting.Dispose();
        _gate.Dispose();
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        if (Resource.Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource.Name).Distinct().ToArray() is { Length: > 0 } dependencies)
        {
            logger.Waits(displayName, string.Join(", ", dependencies));
            await PublishAsync(known => known with { State = KnownResourceStates.Waiting }).ConfigureAwait(false);
            await _notifications.WaitForDependenciesAsync(Resource, cancellationToken).ConfigureAwait(false);
        }

        await _eventing.PublishAsync(new BeforeResourceStartedEvent(Resource, services), cancellationToken).ConfigureAwait(false);
        await PublishAsync(known => known with { State = KnownResourceStates.Starting, ExitCode = null, StopTimeStamp = null }).ConfigureAwait(false);
        CommandLine command = await supervisor.PlanAsync(Resource, suffix, cancellationToken).ConfigureAwait(false);
        _process = await supervisor.Children.StartAsync(command, (line, error) => supervisor.Output.Write(displayName, line, error)).ConfigureAwait(false);
        HealthMonitor monitor = supervisor.MonitorOf(Resource);
        await PublishAsync(known => known with
        {
            State = KnownResourceStates.Running,
            StartTimeStamp = _clock.GetUtcNow().UtcDateTime,
            Properties = [new("executable.pid", _process.Id)],
            Urls = [.. Resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => new UrlSnapshot(endpoint.Name, endpoint.AllocatedEndpoint!.UriString, IsInternal: false))],
            HealthReports = [.. monitor.Keys.Select(key => new HealthReportSnapshot(key, Status: null, Description: null, ExceptionText: null))]
        }).ConfigureAwait(false);
        monitor.Wake();
        logger.Started(displayName, _process.Id, string.Join(' ', Resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => endpoint.AllocatedEndpoint!.UriString)));
        _ended = ReportEndAsync(_process);
    }

    private async Task ReportEndAsync(ChildProcess process)
    {
        int exitCode = await process.Exited.ConfigureAwait(false);
        await PublishAsync(known => known with { State = EndState, ExitCode = exitCode, StopTimeStamp = _clock.GetUtcNow().UtcDateTime, HealthReports = [] }).ConfigureAwait(false);
        logger.Ended(displayName, exitCode.ToString(CultureInfo.InvariantCulture));
        _notifications.TryGetCurrentState(Id, out ResourceEvent? last);
        try
        {
            await _eventing.PublishAsync(new ResourceStoppedEvent(Resource, services, last!)).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            // A callback of the AppHost; nobody else would see its failure.
            logger.CallbackFailed(failure, displayName);
        }
    }
}
