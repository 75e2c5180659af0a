using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The whole system, started by its own AppHost.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly IDistributedApplicationTestingBuilder _builder;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<string, byte> _watched = new();

    private TestApp(IDistributedApplicationTestingBuilder builder, DistributedApplication app) => (_builder, App) = (builder, app);

    public DistributedApplication App { get; }

    /// <summary>What each worker replica has printed, in order.</summary>
    public ConcurrentQueue<(string Replica, string Line)> WorkerLines { get; } = new();

    public HttpClient Producer { get; private set; } = null!;

    public static Task<TestApp> StartAsync(params string[] arguments) => StartAsync(dashboard: false, _ => { }, arguments);

    public static Task<TestApp> StartWithDashboardAsync(params string[] arguments) => StartAsync(dashboard: true, _ => { }, arguments);

    /// <param name="change">Changes the resources before the start.</param>
    /// <param name="arguments">Of the AppHost.</param>
    public static Task<TestApp> StartAsync(Action<IDistributedApplicationTestingBuilder> change, params string[] arguments) => StartAsync(dashboard: false, change, arguments);

    private static async Task<TestApp> StartAsync(bool dashboard, Action<IDistributedApplicationTestingBuilder> change, string[] arguments)
    {
        using CancellationTokenSource limit = new(StartLimit);
        IDistributedApplicationTestingBuilder builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.WorkQueue_AppHost>(
            // What ends, ends behind the test: the next one need not wait for it.
            ["DcpPublisher:WaitForResourceCleanup=false", .. arguments], (options, _) => options.DisableDashboard = !dashboard, limit.Token);
        StartWhatIsBuilt(builder);
        change(builder);
        TestApp test = new(builder, await builder.BuildAsync(limit.Token));
        try
        {
            await test.App.StartAsync(limit.Token);
            test.Producer = test.App.CreateHttpClient("producer", "http");
            await test.App.ResourceNotifications.WaitForResourceHealthyAsync("producer", limit.Token);
            _ = test.WatchWorkersAsync();
            return test;
        }
        catch
        {
            await test.DisposeAsync();
            throw;
        }
    }

    public async Task<string> BrokerAsync() => (await App.GetConnectionStringAsync("rabbitmq"))!;

    public Task<HttpResponseMessage> SendAsync(string text) => Producer.PostAsync("/tasks", new StringContent(text));

    /// <summary>Whether the producer says that it has read the history: not while it is down, nor while it makes its file anew.</summary>
    public async Task<bool> IsLiveAsync()
    {
        try
        {
            return (await Producer.GetFromJsonAsync<JsonElement>("/stats")).GetProperty("history").GetProperty("state").GetString() == "live";
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>The lines of all workers that contain a text.</summary>
    public (string Replica, string Line)[] Lines(string text) => [.. WorkerLines.Where(line => line.Line.Contains(text, StringComparison.Ordinal))];

    /// <summary>Kills the process of a resource (SIGKILL), and waits until its end is known.</summary>
    /// <param name="resource">The name of a resource without replicas, or the id of a replica.</param>
    public async Task KillAsync(string resource)
    {
        ResourceEvent state = App.ResourceNotifications.TryGetCurrentState(resource, out ResourceEvent? replica)
            ? replica!
            : await App.ResourceNotifications.WaitForResourceAsync(resource, _ => true).WaitAsync(TestEnvironment.Patience);
        int id = Convert.ToInt32(state.Snapshot.Properties.Single(property => property.Name == "executable.pid").Value, CultureInfo.InvariantCulture);
        // With its children: some hosts run a project below a launcher.
        using Process process = Process.GetProcessById(id);
        process.Kill(entireProcessTree: true);
        await App.ResourceNotifications
            .WaitForResourceAsync(state.Resource.Name, change => change.ResourceId == state.ResourceId && change.Snapshot.State is { } now && KnownResourceStates.TerminalStates.Contains(now.Text))
            .WaitAsync(TestEnvironment.Patience);
    }

    /// <summary>Runs a command of a resource, as the dashboard does.</summary>
    public async Task<ExecuteCommandResult> ExecuteAsync(string resource, string command, params (string Name, string Value)[] arguments)
    {
        ExecuteCommandResult result = await App.ResourceCommands.ExecuteCommandAsync(resource, command, Inputs(arguments));
        Assert.True(result.Success, result.Message);
        return result;
    }

    /// <summary>The id of a worker replica that runs.</summary>
    public async Task<string> ReplicaAsync() =>
        (await App.ResourceNotifications.WaitForResourceAsync("worker", worker => worker.Snapshot.State?.Text == KnownResourceStates.Running).WaitAsync(TestEnvironment.Patience)).ResourceId;

    /// <summary>In which state each worker replica is, and what it printed last.</summary>
    public string WorkerStates() => string.Concat(_watched.Keys.Select(replica =>
    {
        CustomResourceSnapshot? snapshot = App.ResourceNotifications.TryGetCurrentState(replica, out ResourceEvent? state) ? state!.Snapshot : null;
        IEnumerable<string> printed = WorkerLines.Where(line => line.Replica == replica).Select(line => line.Line).TakeLast(8);
        return $"\n{replica}: {snapshot?.State?.Text}, exit code {snapshot?.ExitCode}\n  {string.Join("\n  ", printed)}";
    }));

    public static InteractionInputCollection Inputs(params (string Name, string Value)[] arguments) =>
        new([.. arguments.Select(argument => new InteractionInput { Name = argument.Name, InputType = InputType.Text, Value = argument.Value })]);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await App.DisposeAsync();
        await _builder.DisposeAsync();
        _end.Dispose();
    }

    // Aspire starts a project by "dotnet run", which reads and evaluates the project first: seconds of two cores for each replica.
    private static void StartWhatIsBuilt(IDistributedApplicationTestingBuilder builder)
    {
        foreach (ProjectResource project in builder.Resources.OfType<ProjectResource>())
        {
            string folder = Path.GetDirectoryName(project.GetProjectMetadata().ProjectPath)!;
            project.Annotations.Add(new ExecutableAnnotation { Command = TestEnvironment.Built(Path.GetFileName(folder)), WorkingDirectory = folder });
        }
    }

    private async Task WatchWorkersAsync()
    {
        try
        {
            await foreach (ResourceEvent change in App.ResourceNotifications.WatchAsync(_end.Token))
            {
                if (change.Resource.Name == "worker" && change.ResourceId != "worker" && _watched.TryAdd(change.ResourceId, 0))
                {
                    _ = ReadLinesAsync(change.ResourceId);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ReadLinesAsync(string replica)
    {
        try
        {
            ResourceLoggerService logs = App.Services.GetRequiredService<ResourceLoggerService>();
            await foreach (IReadOnlyList<LogLine> lines in logs.WatchAsync(replica).WithCancellation(_end.Token))
            {
                foreach (LogLine line in lines)
                {
                    WorkerLines.Enqueue((replica, line.Content));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
