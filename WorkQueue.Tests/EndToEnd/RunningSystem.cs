using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The tests that share a running system, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class SystemTests : ICollectionFixture<RunningSystem>
{
    public const string Name = "system";
}

/// <summary>The tests that start systems of their own, to do them harm or to start them otherwise. One after the other: two cores do not start several in good time.</summary>
[CollectionDefinition(Name)]
public sealed class OwnSystemTests
{
    public const string Name = "systems of their own";
}

/// <summary>The system as a newcomer starts it, a producer and two workers, with the dashboard.</summary>
public sealed class RunningSystem : IAsyncLifetime
{
    public string Output { get; } = Directory.CreateTempSubdirectory("workqueue-test-output-").FullName;

    public string Pictures { get; } = Directory.CreateTempSubdirectory("workqueue-test-pictures-").FullName;

    // A start that failed is not tried again by each test.
    private Task<TestApp>? _app;

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>The system, started by the first that asks; the tests of a collection come one after the other.</summary>
    internal async Task<TestApp> StartedAsync() => await (_app ??= TestApp.StartWithDashboardAsync(
        "Broker:Mode=local", "Workers=2", "WorkQueue:Board:DashboardUrl=http://localhost:15180", $"WorkQueue:Output={Output}", $"WorkQueue:Images:Source={Pictures}", "WorkQueue:Queues:tiny:MaxLength=1", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25"));

    public async Task DisposeAsync()
    {
        if (_app is { IsCompletedSuccessfully: true })
        {
            await (await _app).DisposeAsync();
        }

        Directory.Delete(Output, recursive: true);
        Directory.Delete(Pictures, recursive: true);
    }
}

/// <summary>Tests on the system that is shared.</summary>
public abstract class OnRunningSystem(RunningSystem system) : IAsyncLifetime
{
    internal TestApp App { get; private set; } = null!;

    protected RunningSystem System { get; } = system;

    // What the test before has left is done first: it would have the workers.
    public async Task InitializeAsync()
    {
        App = await System.StartedAsync();
        // A producer that has just started may know tasks of another run's history, until it has read this one's.
        await Eventually.TrueAsync(App.IsLiveAsync, "the history is read");
        foreach (string state in (string[])["queued", "running", "retrying"])
        {
            await Eventually.TrueAsync(
                async () => (await App.Producer.GetFromJsonAsync<JsonElement>($"/tasks?queue=default&limit=1&state={state}")).GetProperty("items").GetArrayLength() == 0, $"no task of an earlier test is {state}");
        }
    }

    // Also where a test has failed half-way.
    public async Task DisposeAsync()
    {
        using HttpResponseMessage resumed = await App.Producer.PostAsync("/queues/default/resume", null);
        resumed.EnsureSuccessStatusCode();
    }
}
