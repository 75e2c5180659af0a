using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Aspire.Hosting.Supervision;

/// <summary>Starts everything in the order of its WaitFor calls and stops it in the opposite order. Restarts nothing by itself.</summary>
internal sealed class Supervisor(
    DistributedApplicationBuilder app,
    HealthCheckService checks,
    IOptions<HealthCheckServiceOptions> registered,
    ResourceNotificationService notifications,
    ResourceLoggerService output,
    ILoggerFactory loggers) : IHostedService, IDisposable
{
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(19);
    private static readonly TimeSpan ServiceStopLimit = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan DependencyStopLimit = TimeSpan.FromSeconds(10);

    private readonly ILogger _logger = loggers.CreateLogger("WorkQueue.Standin");
    private readonly Ports _ports = new();
    private readonly Watchdog _watchdog = new();
    private readonly List<ResourceInstance> _instances = [];
    private readonly Dictionary<IResource, HealthMonitor> _monitors = [];
    private readonly List<Task> _monitoring = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _hurry = new();
    private PosixSignalRegistration? _interrupt;
    private ContainerEngine? _engine;
    private Dashboard? _dashboard;
    private int _interrupts;

    public ChildProcesses Children { get; } = new();

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!app.Testing)
        {
            _logger.Hello();
            _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, HurryOnSecondInterrupt);
        }

        CheckModel();
        AllocateEndpoints();
        foreach (IResource resource in app.Resources)
            Create(resource);

        _watchdog.Start(Children.RunId);
        if (app.Resources.OfType<ContainerResource>().Any())
            await FindEngineAsync(cancellationToken).ConfigureAwait(false);

        if (!app.Testing)
            await StartDashboardAsync().ConfigureAwait(false);

        _monitoring.AddRange(_monitors.Values.Select(monitor => monitor.RunAsync(_stopping.Token)));
        using CancellationTokenSource starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        await Task.WhenAll(_instances.Select(instance => instance.StartAsync(starting.Token))).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        long started = TimeProvider.System.GetTimestamp();
        TimeSpan limit = ServiceStopLimit;
        List<ResourceInstance> remaining = [.. _instances];
        while (remaining.Count > 0)
        {
            // First those nobody waits for: services in parallel, what they depend on after them.
            ResourceInstance[] next = [.. remaining.Where(instance => !remaining.Any(other => Waits(other.Resource, instance.Resource)))];
            await Task.WhenAll(next.Select(instance => instance.StopAsync(limit, _hurry.Token))).ConfigureAwait(false);
            remaining.RemoveAll(next.Contains);
            limit = TimeSpan.FromTicks(Math.Clamp((StopLimit - TimeProvider.System.GetElapsedTime(started)).Ticks, TimeSpan.TicksPerSecond, DependencyStopLimit.Ticks));
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
    }

    public HealthMonitor? MonitorOf(IResource resource) => _monitors.GetValueOrDefault(resource);

    /// <summary>Shows a line of output with the resource's name in front: on the console, or under a test in the logging.</summary>
    public void Write(string displayName, string id, string line, bool error)
    {
        output.Write(id, line, error);
        if (app.Testing)
            loggers.CreateLogger($"{app.Environment.ApplicationName}.Resources.{displayName}").Output(error ? LogLevel.Error : LogLevel.Information, line);
        else
            Console.Out.WriteLine($"{displayName} | {line}");
    }

    public async Task<CommandLine> PlanAsync(IResource resource, string suffix, CancellationToken cancellationToken)
    {
        if (resource is not ContainerResource && resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault(endpoint => !Ports.IsFree(endpoint.Port!.Value)) is { } taken)
            throw new DistributedApplicationException($"Port {taken.Port} of endpoint '{taken.Name}' is in use by another process.");

        string[] arguments = await LaunchPlan.ArgumentsAsync(resource, cancellationToken).ConfigureAwait(false);
        Dictionary<string, string> environment = await LaunchPlan.EnvironmentAsync(app, resource, suffix, _dashboard, cancellationToken).ConfigureAwait(false);
        return resource switch
        {
            ContainerResource container => _engine!.RunCommand(container, $"{resource.Name}-{suffix}", arguments, environment),
            ProjectResource project => LaunchPlan.ForProject(app, project, arguments, environment),
            _ => LaunchPlan.ForExecutable((ExecutableResource)resource, arguments, environment)
        };
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
        string[] known = [.. registered.Value.Registrations.Select(registration => registration.Name)];
        foreach (IResource resource in app.Resources)
        {
            if (resource.Last<ReplicaAnnotation>() is { Replicas: > 1 } several && resource.Last<EndpointAnnotation>() is { } endpoint)
                throw new DistributedApplicationException($"Resource '{resource.Name}' has {several.Replicas} replicas and the endpoint '{endpoint.Name}'. The stand-in has no proxy to share a port: use one replica.");

            if (resource.Annotations.OfType<HealthCheckAnnotation>().FirstOrDefault(check => !known.Contains(check.Key)) is { } missing)
                throw new DistributedApplicationException($"Resource '{resource.Name}' refers to the health check '{missing.Key}', which is not registered.");

            if (resource.Last<ContainerLifetimeAnnotation>()?.Lifetime == ContainerLifetime.Persistent)
                _logger.PersistentIgnored(resource.Name);
        }
    }

    private void AllocateEndpoints()
    {
        bool randomPorts = app.Configuration["DcpPublisher:RandomizePorts"] is { } setting && bool.Parse(setting);
        foreach (IResource resource in app.Resources)
        {
            foreach (EndpointAnnotation endpoint in resource.Annotations.OfType<EndpointAnnotation>())
            {
                // Without a proxy a process listens on the public port itself; only a container has a port of its own inside.
                int? wanted = randomPorts && endpoint.IsProxied ? null : endpoint.Port;
                int? own = resource is ExecutableResource && endpoint.EnvironmentVariable is null ? endpoint.TargetPort : null;
                int port = own ?? wanted ?? _ports.Next();
                endpoint.Allocate(port, resource is ContainerResource ? endpoint.TargetPort ?? endpoint.Port ?? port : port);
            }
        }
    }

    private void Create(IResource resource)
    {
        string[] keys = [.. resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => check.Key)];
        if (keys.Length > 0)
            _monitors[resource] = new(resource, keys, checks, notifications);

        if (resource is ProjectResource or ExecutableResource or ContainerResource)
        {
            int replicas = resource.Last<ReplicaAnnotation>()?.Replicas ?? 1;
            for (int i = 0; i < replicas; i++)
            {
                ResourceInstance instance = new(resource, RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 8), this, notifications, _logger);
                instance.Publish(known => known with { State = KnownResourceStates.NotStarted });
                _instances.Add(instance);
            }

            AddCommand(resource, KnownResourceCommands.StartCommand, (instance, cancellationToken) => instance.StartAsync(cancellationToken));
            AddCommand(resource, KnownResourceCommands.StopCommand, (instance, _) => instance.StopAsync(ServiceStopLimit, _hurry.Token));
            AddCommand(resource, KnownResourceCommands.RestartCommand, async (instance, cancellationToken) =>
            {
                await instance.StopAsync(ServiceStopLimit, _hurry.Token).ConfigureAwait(false);
                await instance.StartAsync(cancellationToken).ConfigureAwait(false);
            });
        }
        else
        {
            // A value rather than a process: it is there from the start.
            HealthStatus health = keys.Length == 0 ? HealthStatus.Healthy : HealthStatus.Unhealthy;
            notifications.Publish(resource, resource.Name, known => known with { State = KnownResourceStates.Running, HealthStatus = health });
        }
    }

    private void AddCommand(IResource resource, string name, Func<ResourceInstance, CancellationToken, Task> act)
    {
        resource.Annotations.Add(new ResourceCommandAnnotation(name, async context =>
        {
            if (_stopping.IsCancellationRequested && name != KnownResourceCommands.StopCommand)
                return CommandResults.Failure("The application is stopping.");

            await act(_instances.Single(instance => instance.Id == context.ResourceName), context.CancellationToken).ConfigureAwait(false);
            notifications.TryGetCurrentState(context.ResourceName, out ResourceEvent? reached);
            return reached?.Snapshot.State?.Text == KnownResourceStates.FailedToStart
                ? CommandResults.Failure($"Resource '{context.ResourceName}' failed to start.")
                : CommandResults.Success();
        }));
    }

    private async Task StartDashboardAsync()
    {
        _dashboard = Dashboard.Find(app.Configuration, app.AppHostDirectory) is { } file ? new(file, app.Configuration, _ports) : null;
        if (_dashboard is null)
            _logger.DashboardAbsent();
        else
            await _dashboard.StartAsync(Children, _logger, _stopping.Token).ConfigureAwait(false);
    }

    private async Task FindEngineAsync(CancellationToken cancellationToken)
    {
        _engine = await ContainerEngine.FindAsync(app.Configuration, Children.RunId, cancellationToken).ConfigureAwait(false);
        _watchdog.Tell(_engine.Command);
        await _engine.RemoveStaleAsync(cancellationToken).ConfigureAwait(false);
    }

    private static bool Waits(IResource resource, IResource dependency) => resource.Annotations.OfType<WaitAnnotation>().Any(wait => wait.Resource == dependency);
}
