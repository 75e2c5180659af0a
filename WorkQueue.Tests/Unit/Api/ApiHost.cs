using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Board;
using WorkQueue.Board.Api;
using WorkQueue.Board.Pages;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>The producer's API over HTTP, with a queue and a history in memory.</summary>
public sealed class ApiHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ApiHost(WebApplication app, FakeHistory history, FakeBroker broker, Records records)
    {
        (_app, History, Broker, Records) = (app, history, broker, records);
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    internal FakeHistory History { get; }

    internal FakeBroker Broker { get; }

    internal Records Records { get; }

    /// <summary>Where schedules and batches are, and their tasks.</summary>
    internal TestTaskQueue Queue => _app.Services.GetRequiredService<TestTaskQueue>();

    internal TaskProjection Projection => _app.Services.GetRequiredService<TaskProjection>();

    public HttpClient Http { get; }

    public static Task<ApiHost> StartAsync(params string[] settings) => StartInAsync("Development", settings);

    public static Task<ApiHost> StartInAsync(string environment, params string[] settings) => StartInAsync(environment, new FakeHistory(), settings);

    /// <summary>Starts it with a history that tells what it has already.</summary>
    internal static Task<ApiHost> StartInAsync(string environment, FakeHistory history, params string[] settings) => StartAsync(environment, history, null, null, settings);

    /// <summary>Starts it in an application that maps it as it likes.</summary>
    internal static Task<ApiHost> StartMappedAsync(string environment, Action<WebApplication> map, Action<IServiceCollection>? add = null, params string[] settings) =>
        StartAsync(environment, new FakeHistory(), map, add, settings);

    private static async Task<ApiHost> StartAsync(string environment, FakeHistory history, Action<WebApplication>? map, Action<IServiceCollection>? add, string[] settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment, Args = ["--WorkQueue:Board:Store=:memory:", "--WorkQueue:Queues:default:DefaultType=simulate", .. settings, "--urls=http://127.0.0.1:0"] });
        builder.Logging.ClearProviders();
        Records records = new(new FakeClock());
        FakeBroker broker = new(history, records);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddOptions<WorkQueueOptions>().BindConfiguration(WorkQueueOptions.Section);
        builder.Services.AddSingleton<TaskTopology>();
        builder.Services.AddSingleton(provider => new TaskCatalogue(provider.GetRequiredService<TaskTopology>()));
        builder.Services.AddSingleton(provider => new QueuePolicies(provider.GetRequiredService<TaskTopology>(), provider.GetRequiredService<IOptions<WorkQueueOptions>>()));
        builder.Services.AddSingleton<ITaskHistory>(history);
        builder.Services.AddSingleton<ITaskQueue>(broker);
        builder.Services.AddSingleton<IDeadLetters>(broker);
        builder.Services.AddSingleton<IQueueCounts>(broker);
        builder.Services.AddSingleton<ITaskControl>(broker);
        builder.Services.AddSingleton<IWorkerDirectory>(broker);
        builder.Services.AddSingleton<ITaskEvents>(broker);
        TestTaskQueue schedules = new(services => services.AddTaskHandler<string>("simulate", (_, _) => Task.CompletedTask), options => options.Types["simulate"] = new TaskTypeOptions());
        builder.Services.AddSingleton(schedules.Services.GetRequiredService<ISchedules>());
        builder.Services.AddSingleton(schedules.Services.GetRequiredService<ITaskBatches>());
        builder.Services.AddSingleton(schedules);
        // All but what users publish, which needs a broker.
        builder.Services.AddTaskProjection();
        builder.Services.AddTaskApi();
        builder.Services.AddBoard();
        builder.Services.AddOpenApi();
        if (map is null)
        {
            builder.Services.AddProblemDetails();
        }

        add?.Invoke(builder.Services);
        WebApplication app = builder.Build();
        (map ?? MapAsTheProducer)(app);
        await app.StartAsync();
        return new ApiHost(app, history, broker, records);
    }

    private static void MapAsTheProducer(WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.MapOpenApi().RequireTaskApiKey();
        app.MapTaskApi();
        app.MapTaskBoard();
        app.MapGet("/", () => Results.LocalRedirect(TaskBoardExtensions.DefaultPath)).ExcludeFromDescription();
    }

    /// <summary>What a user publishes, as it reaches the API.</summary>
    internal void Publish(EmittedEvent emitted) => _app.Services.GetRequiredService<TaskEvents>().Publish(TaskEvent.Of(emitted));

    /// <summary>Records something, and waits until the API knows.</summary>
    internal async Task RecordAsync(params HistoryRecord[] records)
    {
        History.Add(records);
        await Eventually.TrueAsync(() => Projection.Progress.LastOffset >= records[^1].Offset, "the record is applied");
    }

    public Task<(HttpStatusCode Status, JsonElement Json)> GetAsync(string path) => ReadAsync(Http.GetAsync(path));

    public Task<(HttpStatusCode Status, JsonElement Json)> PostAsync(string path, string? body = null, string type = "application/json") =>
        ReadAsync(Http.PostAsync(path, body is null ? null : new StringContent(body, Encoding.UTF8, type)));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(1));
        await _app.StopAsync(limit.Token);
        await _app.DisposeAsync();
    }

    private static async Task<(HttpStatusCode, JsonElement)> ReadAsync(Task<HttpResponseMessage> call)
    {
        using HttpResponseMessage response = await call;
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }
}
