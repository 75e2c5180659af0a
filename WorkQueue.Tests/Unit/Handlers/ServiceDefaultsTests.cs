using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpenTelemetry;
using OpenTelemetry.Trace;
using WorkQueue.ServiceDefaults;

namespace WorkQueue.Tests.Unit.Handlers;

public sealed class ServiceDefaultsTests : IAsyncLifetime, IDisposable
{
    private readonly Recorder _spans = new();
    private readonly HttpClient _client = new();
    private WebApplication _app = null!;
    private HealthCheckResult _broker = HealthCheckResult.Healthy();

    public async Task InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Testing" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddServiceDefaults();
        builder.Services.AddHealthChecks().AddCheck("broker", () => _broker);
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddProcessor(_spans));
        _app = builder.Build();
        _app.MapDefaultEndpoints();
        _app.MapGet("/things/{id}", (string id) => id);
        _app.Services.GetRequiredService<TracerProvider>();
        await _app.StartAsync();
        _client.BaseAddress = new Uri(_app.Urls.Single());
    }

    public async Task DisposeAsync() => await _app.DisposeAsync();

    public void Dispose()
    {
        _client.Dispose();
        _spans.Dispose();
    }

    [Fact]
    public async Task Health_lists_every_check_with_its_status_and_description()
    {
        _broker = HealthCheckResult.Unhealthy("no connection", new InvalidOperationException("amqp://user:secret@host"));
        using HttpResponseMessage response = await _client.GetAsync("/health");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(
            """{"status":"Unhealthy","checks":{"self":{"status":"Healthy","description":null},"broker":{"status":"Unhealthy","description":"no connection"}}}""",
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Alive_asks_only_the_checks_tagged_live()
    {
        _broker = HealthCheckResult.Unhealthy("no connection");
        JsonElement alive = await _client.GetFromJsonAsync<JsonElement>("/alive");
        Assert.Equal("""{"self":{"status":"Healthy","description":null}}""", alive.GetProperty("checks").GetRawText());
    }

    [Fact]
    public async Task A_request_is_a_span_with_its_route_and_status_and_a_probe_is_none()
    {
        foreach (string path in (string[])["/health", "/alive", "/health/", "/things/1"])
            await _client.GetStringAsync(path);
        // Ends the requests: a span may end a moment after its response.
        await _app.StopAsync();
        // Sources are shared by the whole process: other tests have servers too.
        Activity span = Assert.Single(_spans.Requests, request => Equals(request.GetTagItem("server.port"), _client.BaseAddress!.Port));
        Assert.Equal(("GET /things/{id}", "/things/{id}", 200), (span.DisplayName, span.GetTagItem("http.route"), span.GetTagItem("http.response.status_code")));
    }

    private sealed class Recorder : BaseProcessor<Activity>
    {
        private readonly ConcurrentQueue<Activity> _ended = [];

        public IEnumerable<Activity> Requests => _ended.Where(span => span.Kind == ActivityKind.Server);

        // As an exporter does.
        public override void OnEnd(Activity data)
        {
            if (data.Recorded)
                _ended.Enqueue(data);
        }
    }
}
