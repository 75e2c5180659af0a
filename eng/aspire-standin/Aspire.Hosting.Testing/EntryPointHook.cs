using System.Reflection;
using Aspire.Hosting.Supervision;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>Runs the AppHost's entry point on a thread of its own and stops it at Build, until the test wants the application.</summary>
internal sealed class EntryPointHook(Assembly appHost, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure) : TestingHook
{
    private static readonly TimeSpan ExitLimit = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _application = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _build = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override Assembly AppHostAssembly => appHost;

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

    public override void Constructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings)
    {
        settings.Args = [.. settings.Args ?? [], .. args];
        options.Args = settings.Args;
        options.DisableDashboard = true;
        options.EnableResourceLogging = true;
        settings.Configuration ??= new();
        settings.Configuration.AddInMemoryCollection([new("DcpPublisher:RandomizePorts", "true")]);
        // As `dotnet run` would: the AppHost's launch profile says which environment it is developed in.
        if (LaunchProfiles.Read(AppHostMetadata.ProjectPath(appHost) ?? "", []) is { } profile)
        {
            settings.Configuration.AddInMemoryCollection(profile.EnvironmentVariables.Select(variable => KeyValuePair.Create<string, string?>(variable.Key, variable.Value)));
            settings.EnvironmentName = Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT")
                ?? profile.EnvironmentVariables.GetValueOrDefault("DOTNET_ENVIRONMENT") ?? profile.EnvironmentVariables.GetValueOrDefault("ASPNETCORE_ENVIRONMENT");
        }

        configure(options, settings);
    }

    public override void Building(DistributedApplicationBuilder builder)
    {
        _builder.TrySetResult(builder);
        if (!_build.Task.GetAwaiter().GetResult())
            throw new OperationCanceledException("The test ended before it built the application.");
    }

    public override void Built(DistributedApplication application) => _application.TrySetResult(application);

    public override void ReachedRun() => _running.TrySetResult();

    public override Task WaitForRunAsync(CancellationToken cancellationToken) => _running.Task.WaitAsync(cancellationToken);

    private void Run(MethodInfo entryPoint)
    {
        Current = this;
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
