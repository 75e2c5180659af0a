using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>
/// Runs the AppHost's entry point on a thread of its own and stops it at Build, until the test wants the application. The
/// current hook belongs to that thread's flow of execution, so several AppHosts can run in one test process.
/// </summary>
internal sealed class TestingHook(Assembly appHost, string[] args)
{
    private static readonly TimeSpan ExitLimit = TimeSpan.FromSeconds(30);
    private static readonly AsyncLocal<TestingHook?> Ambient = new();

    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _build = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _application = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static TestingHook? Current => Ambient.Value;
    public Assembly AppHostAssembly => appHost;

    public Task<DistributedApplicationBuilder> RunToBuilderAsync(CancellationToken cancellationToken)
    {
        MethodInfo entryPoint = appHost.EntryPoint ?? throw new InvalidOperationException($"Assembly {appHost.GetName().Name} has no entry point.");
        Thread thread = new(() => Run(entryPoint)) { IsBackground = true, Name = $"AppHost {appHost.GetName().Name}" };
        thread.Start();
        return _builder.Task.WaitAsync(cancellationToken);
    }

    public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken)
    {
        _build.TrySetResult(true);
        return _application.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Lets the entry point end, whether or not the application was built, and waits for it.</summary>
    public async Task EndAsync()
    {
        _build.TrySetResult(false);
        if (_application.Task.IsCompletedSuccessfully)
            await _application.Task.Result.DisposeAsync().ConfigureAwait(false);

        await Task.WhenAny(_exited.Task, Task.Delay(ExitLimit, TimeProvider.System)).ConfigureAwait(false);
    }

    public static void Configure(HostApplicationBuilderSettings settings)
    {
        settings.Configuration = new();
        settings.Configuration.AddInMemoryCollection([new("DcpPublisher:RandomizePorts", "true")]);
        // As `dotnet run` would: the AppHost's launch profile says which environment it is developed in.
        IConfigurationSection[] profiles = [.. new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(settings.ContentRootPath!, "Properties", "launchSettings.json"), optional: true).Build()
            .GetSection("profiles").GetChildren().Where(profile => profile["commandName"] == "Project")];
        if (profiles is [var profile, ..])
        {
            IConfigurationSection variables = profile.GetSection("environmentVariables");
            settings.Configuration.AddInMemoryCollection(variables.GetChildren().Select(variable => KeyValuePair.Create(variable.Key, variable.Value)));
            settings.EnvironmentName = Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT") ?? variables["DOTNET_ENVIRONMENT"] ?? variables["ASPNETCORE_ENVIRONMENT"];
        }
    }

    /// <summary>Hands the builder to the test and returns when the test wants the application.</summary>
    public void Building(DistributedApplicationBuilder builder)
    {
        _builder.TrySetResult(builder);
        if (!_build.Task.GetAwaiter().GetResult())
            throw new OperationCanceledException("The test ended before it built the application.");
    }

    public void Built(DistributedApplication application) => _application.TrySetResult(application);

    /// <summary>Tells that the AppHost's own code came to running the application.</summary>
    public void ReachedRun() => _running.TrySetResult();

    public Task WaitForRunAsync(CancellationToken cancellationToken) => _running.Task.WaitAsync(cancellationToken);

    private void Run(MethodInfo entryPoint)
    {
        Ambient.Value = this;
        Exception failure;
        try
        {
            object? exitCode = entryPoint.Invoke(null, entryPoint.GetParameters().Length == 0 ? [] : [args]);
            failure = new InvalidOperationException($"The AppHost's entry point returned {exitCode ?? "nothing"} before it ran the application.");
        }
        catch (TargetInvocationException invocation)
        {
            failure = invocation.InnerException!;
        }

        // Whoever still waits gets the AppHost's own exception.
        _builder.TrySetException(failure);
        _application.TrySetException(failure);
        _running.TrySetException(failure);
        _exited.TrySetResult();
    }
}
