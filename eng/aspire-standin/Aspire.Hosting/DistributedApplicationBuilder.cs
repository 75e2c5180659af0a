using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Supervision;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

internal sealed class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly TestingHook? _hook = TestingHook.Current;

    public DistributedApplicationBuilder(string[] args)
    {
        AppHostAssembly = _hook?.AppHostAssembly ?? Assembly.GetEntryAssembly();
        AppHostDirectory = AppHostMetadata.ProjectPath(AppHostAssembly) ?? Directory.GetCurrentDirectory();
        HostApplicationBuilderSettings settings = new()
        {
            Args = args,
            ApplicationName = AppHostAssembly?.GetName().Name,
            ContentRootPath = Directory.Exists(AppHostDirectory) ? AppHostDirectory : AppContext.BaseDirectory
        };
        if (Testing)
            TestingHook.Configure(settings);

        _host = new HostApplicationBuilder(settings);

        Services.Configure<HostOptions>(host => host.ShutdownTimeout = Supervisor.StopLimit + TimeSpan.FromSeconds(10));
        _host.Logging.AddSimpleConsole(console => console.SingleLine = true);
        _host.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        // A check that fails while its resource starts is normal; the state says when it passes.
        _host.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        _host.Logging.AddConfiguration(Configuration.GetSection("Logging"));
        Services.AddHealthChecks();
        Services.AddSingleton(new DistributedApplicationModel(Resources));
        Services.AddSingleton<ResourceNotificationService>();
        Services.AddSingleton<ResourceLoggerService>();
        Services.AddSingleton<ResourceCommandService>();
        Services.AddHostedService(services => ActivatorUtilities.CreateInstance<Supervisor>(services, this));
    }

    public ConfigurationManager Configuration => _host.Configuration;
    public string AppHostDirectory { get; }
    public Assembly? AppHostAssembly { get; }
    public IHostEnvironment Environment => _host.Environment;
    public IServiceCollection Services => _host.Services;
    public DistributedApplicationExecutionContext ExecutionContext { get; } = new();
    public IResourceCollection Resources { get; } = new ResourceCollection();

    /// <summary>Whether a test runs the application: without dashboard, on random ports, output to the logging.</summary>
    public bool Testing => _hook is not null;

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
        _hook?.Building(this);
        DistributedApplication application = new(_host.Build(), _hook);
        _hook?.Built(application);
        return application;
    }
}
