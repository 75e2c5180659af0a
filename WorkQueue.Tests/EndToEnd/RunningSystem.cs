namespace WorkQueue.Tests.EndToEnd;

/// <summary>
/// The tests that start a whole system, one after the other: two cores do not start two of them in good time. Those that do it no harm
/// share one.
/// </summary>
[CollectionDefinition(Name)]
public sealed class SystemTests : ICollectionFixture<RunningSystem>
{
    public const string Name = "system";
}

/// <summary>The system as a newcomer starts it, a producer and two workers, with the dashboard.</summary>
public sealed class RunningSystem : IAsyncLifetime
{
    public string Output { get; } = Directory.CreateTempSubdirectory("workqueue-test-output-").FullName;

    private TestApp? _app;

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>The system, started by the first that asks; the tests of a collection come one after the other.</summary>
    internal async Task<TestApp> StartedAsync() => _app ??= await TestApp.StartWithDashboardAsync(
        "Broker:Mode=local", "Workers=2", $"WorkQueue:Output={Output}", "WorkQueue:Queues:tiny:MaxLength=1", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25");

    public async Task DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }

        Directory.Delete(Output, recursive: true);
    }
}

/// <summary>Tests on the system that is shared.</summary>
public abstract class OnRunningSystem(RunningSystem system) : IAsyncLifetime
{
    internal TestApp App { get; private set; } = null!;

    protected RunningSystem System { get; } = system;

    public async Task InitializeAsync() => App = await System.StartedAsync();

    public Task DisposeAsync() => Task.CompletedTask;
}
