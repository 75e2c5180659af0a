using System.Reflection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>
/// What the testing package does around the AppHost's entry point, which it runs on a thread of its own. The current hook
/// belongs to that thread's flow of execution, so several AppHosts can run in one test process.
/// </summary>
internal abstract class TestingHook
{
    private static readonly AsyncLocal<TestingHook?> Ambient = new();

    public static TestingHook? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    public abstract Assembly AppHostAssembly { get; }

    public abstract void Constructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings);

    /// <summary>Hands the builder to the test and returns when the test wants the application.</summary>
    public abstract void Building(DistributedApplicationBuilder builder);

    public abstract void Built(DistributedApplication application);

    /// <summary>Tells that the AppHost's own code came to running the application.</summary>
    public abstract void ReachedRun();

    public abstract Task WaitForRunAsync(CancellationToken cancellationToken);
}
