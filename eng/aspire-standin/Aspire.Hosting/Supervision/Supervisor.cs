using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Aspire.Hosting.Supervision;

internal sealed record SupervisorOptions(string AppHostDirectory, Assembly? AppHostAssembly, string ApplicationName, bool Testing, bool Dashboard, bool ResourceLogging, bool RandomPorts);

/// <summary>Starts everything in the order of its WaitFor calls and stops it in the opposite order. Restarts nothing by itself.</summary>
internal sealed class Supervisor : IHostedService, IDisposable
{
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(19);
    private static readonly TimeSpan ServiceStopLimit = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan DependencyStopLimit = TimeSpan.FromSeconds(10);

    private readonly IServiceProvider _services;
    private readonly SupervisorOptions _options;
    private readonly ILogger _logger;
    private readonly IConfiguration _configuration;
    private readonly ResourceNotificationService _notifications;
    private readonly DistributedApplicationModel _model;
    private readonly TimeProvider _clock;
    private readonly LaunchPlan _plan;
    private readonly Ports _ports = new();
    private readonly Watchdog _watchdog;
    private readonly List<ResourceInstance> _instances = [];
    private readonly Dictionary<IResource, HealthMonitor> _monitors = [];
    private readonly List<Task> _monitoring = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly SemaphoreSlim _engineGate = new(1);
    private PosixSignalRegistration? _interrupt;
    private ContainerEngine? _engine;
    private Dashboard? _dashboard;
    private int _interrupts;

    public Supervisor(IServiceProvider services, SupervisorOptions options)
    {
        ILoggerFactory loggers = services.GetRequiredService<ILoggerFactory>();
        string runId = RandomNumberGenerator.GetHexString(16, lowercase: true);
        _services = services;
        _options = options;
        _logger = loggers.CreateLogger("WorkQueue.Standin");
        _configuration = services.GetRequiredService<IConfiguration>();
        _notifications = services.GetRequiredService<ResourceNotificationService>();
        _model = services.GetRequiredService<DistributedApplicationModel>();
        _clock = services.GetRequiredService<TimeProvider>();
        _plan = new(services, options, _logger);
        _watchdog = new(runId, [ContainerEngine.RunLabel, runId]);
        Children = new(runId);
        Output = new(loggers, services.GetRequiredService<ResourceLoggerService>(), options);
    }

    public ChildProcesses Children { get; }

    public ResourceOutput Output { get; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!_options.Testing)
        {
            _logger.Hello();
            _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, HurryOnSecondInterrupt);
        }

        await _services.GetRequiredService<IDistributedApplicationEventing>().PublishAsync(new BeforeStartEvent(_services, _model), cancellationToken).ConfigureAwait(false);
        CheckModel();
        CreateInstances();
        AllocateEndpoints();
        await PublishInitialStatesAsync().ConfigureAwait(false);

        _watchdog.Start();
        if (_options.Testing && _model.Resources.OfType<ContainerResource>().Any())
            await EngineAsync(cancellationToken).ConfigureAwait(false);

        await StartDashboardAsync().ConfigureAwait(false);
        foreach (HealthMonitor monitor in _monitors.Values)
            _monitoring.Add(monitor.RunAsync(_stopping.Token));

        using CancellationTokenSource starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        await Task.WhenAll(_instances.Where(instance => !instance.Resource.HasAnnotationOfType<ExplicitStartupAnnotation>())
            .Select(instance => instance.StartAsync(starting.Token))).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        long started = _clock.GetTimestamp();
        TimeSpan limit = ServiceStopLimit;
        List<ResourceInstance> remaining = [.. _instances];
        while (remaining.Count > 0)
        {
            // First those nobody waits for: services in parallel, what they depend on after them.
            ResourceInstance[] next = [.. remaining.Where(instance => !remaining.Any(other => Waits(other.Resource, instance.Resource)))];
            await Task.WhenAll(next.Select(instance => instance.StopAsync(limit, _hurry.Token))).ConfigureAwait(false);
            remaining.RemoveAll(next.Contains);
            limit = TimeSpan.FromTicks(Math.Clamp((StopLimit - _clock.GetElapsedTime(started)).Ticks, TimeSpan.TicksPerSecond, DependencyStopLimit.Ticks));
        }

        if (_dashboard is not null)
            await _dashboard.StopAsync(_hurry.Token).ConfigureAwait(false);

        await Task.WhenAll(_monitoring).ConfigureAwait(false);
        await _watchdog.FinishAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        _interrupt?.Dispose();
        _watchdog.Dispose();
        Children.Dispose();
        foreach (IDisposable disposable in _instances.Concat<IDisposable>(_monitors.Values))
            disposable.Dispose();

        _stopping.Dispose();
        _hurry.Dispose();
        _engineGate.Dispose();
    }

    public HealthMonitor MonitorOf(IResource resource) => _monitors[resource];

    public Task<CommandLine> PlanAsync(IResource resource, string suffix, CancellationToken cancellationToken)
    {
        if (resource is not ContainerResource && resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault(endpoint => !Ports.IsFree(endpoint.AllocatedEndpoint!.Port)) is { } taken)
            throw new DistributedApplicationException($"Port {taken.AllocatedEndpoint!.Port} of endpoint '{taken.Name}' is in use by another process.");

        return _plan.CreateAsync(resource, suffix, _dashboard, EngineAsync, cancellationToken);
    }

    public Task RemoveContainerAsync(string name) => _engine?.RemoveAsync(name, CancellationToken.None) ?? Task.CompletedTask;

    private void HurryOnSecondInterrupt(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _interrupts) > 1)
            _hurry.Cancel();
    }

    private void CheckModel()
    {
        string[] known = [.. _services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations.Select(registration => registration.Name)];
        foreach (IResource resource in _model.Resources)
        {
            if (resource.GetReplicaCount() > 1 && resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault() is { } endpoint)
                throw new DistributedApplicationException($"Resource '{resource.Name}' has {resource.GetReplicaCount()} replicas and the endpoint '{endpoint.Name}'. The stand-in has no proxy to share a port: use one replica.");

            if (resource.Annotations.OfType<HealthCheckAnnotation>().FirstOrDefault(check => !known.Contains(check.Key)) is { } missing)
                throw new DistributedApplicationException($"Resource '{resource.Name}' refers to the health check '{missing.Key}', which is not registered.");

            if (resource.Annotations.OfType<ContainerLifetimeAnnotation>().LastOrDefault()?.Lifetime == ContainerLifetime.Persistent)
                _logger.PersistentIgnored(resource.Name);
        }
    }

    private void CreateInstances()
    {
        foreach (IResource resource in _model.Resources)
        {
            _monitors[resource] = new(resource, _services);
            if (resource is not (ProjectResource or ExecutableResource or ContainerResource))
                continue;

            int replicas = resource.GetReplicaCount();
            List<ResourceInstance> own = [];
            for (int i = 0; i < replicas; i++)
            {
                string suffix = RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8);
                own.Add(new(resource, suffix, replicas > 1 ? $"{resource.Name}-{suffix}" : resource.Name, this, _services, _logger));
            }

            _instances.AddRange(own);
            AddCommand(resource, own, KnownResourceCommands.StartCommand, (instance, cancellationToken) => instance.StartAsync(cancellationToken));
            AddCommand(resource, own, KnownResourceCommands.StopCommand, (instance, _) => instance.StopAsync(ServiceStopLimit, _hurry.Token));
            AddCommand(resource, own, KnownResourceCommands.RestartCommand, async (instance, cancellationToken) =>
            {
                await instance.StopAsync(ServiceStopLimit, _hurry.Token).ConfigureAwait(false);
                await instance.StartAsync(cancellationToken).ConfigureAwait(false);
            });
        }
    }

    private void AddCommand(IResource resource, List<ResourceInstance> instances, string name, Func<ResourceInstance, CancellationToken, Task> act)
    {
        resource.Annotations.Add(new ResourceCommandAnnotation(name, async context =>
        {
            if (_stopping.IsCancellationRequested && name != KnownResourceCommands.StopCommand)
                return CommandResults.Failure("The application is stopping.");

            await act(instances.Single(instance => instance.Id == context.ResourceName), context.CancellationToken).ConfigureAwait(false);
            _notifications.TryGetCurrentState(context.ResourceName, out ResourceEvent? reached);
            return reached?.Snapshot.State?.Text == KnownResourceStates.FailedToStart
                ? CommandResults.Failure($"Resource '{context.ResourceName}' failed to start.")
                : CommandResults.Success();
        }));
    }

    private void AllocateEndpoints()
    {
        foreach (IResource resource in _model.Resources)
        {
            foreach (EndpointAnnotation endpoint in resource.Annotations.OfType<EndpointAnnotation>())
            {
                // Without a proxy a process listens on the public port itself; only a container has a port of its own inside.
                int? wanted = _options.RandomPorts && endpoint.IsProxied ? null : endpoint.Port;
                int? own = resource is ExecutableResource && endpoint.EnvironmentVariable is null ? endpoint.TargetPort : null;
                int port = own ?? wanted ?? _ports.Next();
                int target = resource is ContainerResource ? endpoint.TargetPort ?? endpoint.Port ?? port : port;
                endpoint.AllocatedEndpoint = new(endpoint, "localhost", port, target.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private async Task PublishInitialStatesAsync()
    {
        foreach (ResourceInstance instance in _instances)
            await instance.PublishAsync(known => known with { State = KnownResourceStates.NotStarted }).ConfigureAwait(false);

        // Values rather than processes: they are there from the start.
        foreach (IResource resource in _model.Resources.Where(resource => resource is ParameterResource or IResourceWithConnectionString && _instances.All(instance => instance.Resource != resource)))
        {
            await _notifications.PublishUpdateAsync(resource, resource.Name, known => known with
            {
                State = KnownResourceStates.Running,
                HealthReports = [.. _monitors[resource].Keys.Select(key => new HealthReportSnapshot(key, Status: null, Description: null, ExceptionText: null))]
            }).ConfigureAwait(false);
        }
    }

    private async Task StartDashboardAsync()
    {
        if (!_options.Dashboard)
            return;

        _dashboard = Dashboard.Find(_configuration, _options.AppHostDirectory, _ports);
        if (_dashboard is null)
            _logger.DashboardAbsent();
        else
            await _dashboard.StartAsync(Children, _logger, _stopping.Token).ConfigureAwait(false);
    }

    private async Task<ContainerEngine> EngineAsync(CancellationToken cancellationToken)
    {
        await _engineGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_engine is null)
            {
                ContainerEngine found = await ContainerEngine.FindAsync(_configuration, Children.RunId, cancellationToken).ConfigureAwait(false);
                _watchdog.UseEngine(found.Command);
                await found.RemoveStaleAsync(cancellationToken).ConfigureAwait(false);
                _engine = found;
            }

            return _engine;
        }
        finally
        {
            _engineGate.Release();
        }
    }

    private static bool Waits(IResource resource, IResource dependency) => resource.Annotations.OfType<WaitAnnotation>().Any(wait => wait.Resource == dependency);
}
