using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Supervision;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

public class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly DistributedApplicationOptions _options;
    private readonly TestingHook? _hook = TestingHook.Current;
    private bool _built;

    public DistributedApplicationBuilder(string[] args)
        : this(new DistributedApplicationOptions { Args = args })
    {
    }

    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        _options = options;
        HostApplicationBuilderSettings settings = new() { Args = options.Args };
        _hook?.Constructing(options, settings);

        AppHostAssembly = options.AssemblyName is { } name ? Assembly.Load(name) : _hook?.AppHostAssembly ?? Assembly.GetEntryAssembly();
        AppHostDirectory = options.ProjectDirectory ?? AppHostMetadata.ProjectPath(AppHostAssembly) ?? Directory.GetCurrentDirectory();
        settings.ContentRootPath = Directory.Exists(AppHostDirectory) ? AppHostDirectory : AppContext.BaseDirectory;
        settings.ApplicationName ??= AppHostAssembly?.GetName().Name;
        _host = new HostApplicationBuilder(settings);

        Services.Configure<HostOptions>(host => host.ShutdownTimeout = Supervisor.StopLimit + TimeSpan.FromSeconds(10));
        ConfigureLogging(_host.Logging);
        Services.AddHealthChecks();
        Services.AddSingleton(TimeProvider.System);
        Services.AddSingleton(Eventing);
        Services.AddSingleton(ExecutionContext);
        Services.AddSingleton(_ => new DistributedApplicationModel(Resources));
        Services.AddSingleton(_ => new ResourceNotificationService());
        Services.AddSingleton(_ => new ResourceLoggerService());
        Services.AddSingleton(services => new ResourceCommandService(
            services.GetRequiredService<ResourceNotificationService>(), services, services.GetRequiredService<ILogger<ResourceCommandService>>()));
        Services.AddSingleton(services => new Supervisor(services, new(
            AppHostDirectory,
            AppHostAssembly,
            _host.Environment.ApplicationName,
            Testing: _hook is not null,
            Dashboard: !_options.DisableDashboard,
            ResourceLogging: _options.EnableResourceLogging,
            RandomPorts: Configuration.GetValue("DcpPublisher:RandomizePorts", defaultValue: false))));
        Services.AddHostedService(services => services.GetRequiredService<Supervisor>());
    }

    public ConfigurationManager Configuration => _host.Configuration;

    public string AppHostDirectory { get; }

    public Assembly? AppHostAssembly { get; }

    public IHostEnvironment Environment => _host.Environment;

    public IServiceCollection Services => _host.Services;

    public IDistributedApplicationEventing Eventing { get; } = new DistributedApplicationEventing();

    public DistributedApplicationExecutionContext ExecutionContext { get; } = new(DistributedApplicationOperation.Run);

    public IResourceCollection Resources { get; } = new ResourceCollection([]);

    public IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource
    {
        if (Resources.TryGetByName(resource.Name, out IResource? existing))
            throw new DistributedApplicationException($"Cannot add resource '{resource.Name}': the name is taken by a resource of type {existing!.GetType().Name}. Names are compared without case.");

        Resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource => new ResourceBuilder<T>(this, resource);

    public DistributedApplication Build()
    {
        if (_built)
            throw new InvalidOperationException("Build can only be called once.");

        _hook?.Building(this);
        _built = true;
        DistributedApplication application = new(_host.Build(), _hook);
        _hook?.Built(application);
        return application;
    }

    private void ConfigureLogging(ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(console => console.SingleLine = true);
        logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        // A check that fails while its resource starts is normal; the state says when it passes.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        logging.AddConfiguration(Configuration.GetSection("Logging"));
    }
}
