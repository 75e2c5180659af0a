using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Producer;
using WorkQueue.Producer.Board;
using WorkQueue.Producer.History;
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

    internal TaskProjection Projection => _app.Services.GetRequiredService<TaskProjection>();

    public HttpClient Http { get; }

    public static Task<ApiHost> StartAsync(params string[] settings) => StartInAsync("Development", settings);

    public static Task<ApiHost> StartInAsync(string environment, params string[] settings) => StartInAsync(environment, new FakeHistory(), settings);

    /// <summary>Starts it with a history that tells what it has already.</summary>
    internal static async Task<ApiHost> StartInAsync(string environment, FakeHistory history, params string[] settings)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment, Args = ["--WorkQueue:Board:Store=:memory:", .. settings, "--urls=http://127.0.0.1:0"] });
        builder.Logging.ClearProviders();
        Records records = new(new FakeClock());
        FakeBroker broker = new(history, records);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddOptions<WorkQueueOptions>().BindConfiguration(WorkQueueOptions.Section);
        builder.Services.AddSingleton<TaskTopology>();
        builder.Services.AddSingleton(provider => new QueuePolicies(provider.GetRequiredService<TaskTopology>(), provider.GetRequiredService<IOptions<WorkQueueOptions>>()));
        builder.Services.AddSingleton<ITaskHistory>(history);
        builder.Services.AddSingleton<ITaskQueue>(broker);
        builder.Services.AddSingleton<IDeadLetters>(broker);
        builder.Services.AddSingleton<IQueueCounts>(broker);
        builder.Services.AddSingleton<ITaskControl>(broker);
        builder.Services.AddSingleton<IWorkerDirectory>(broker);
        builder.Services.AddSingleton<ITaskEvents>(broker);
        builder.AddTaskProjection();
        builder.AddTaskApi();
        builder.AddBoard();
        WebApplication app = builder.Build();
        app.UseTaskApi();
        app.MapOpenApi();
        app.MapTaskApi();
        app.MapBoard();
        await app.StartAsync();
        return new ApiHost(app, history, broker, records);
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
