using WorkQueue.Tests.Support;

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

    internal TestApp App { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (AppHostFactAttribute.Missing is null)
        {
            App = await TestApp.StartWithDashboardAsync(
                "Broker:Mode=local", "Workers=2", $"WorkQueue:Output={Output}", "WorkQueue:Queues:tiny:MaxLength=1", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25");
        }
    }

    public async Task DisposeAsync()
    {
        if (App is not null)
        {
            await App.DisposeAsync();
        }

        Directory.Delete(Output, recursive: true);
    }
}
