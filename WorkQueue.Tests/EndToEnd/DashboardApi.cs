using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>What Aspire's dashboard has been sent, by its telemetry API.</summary>
internal sealed class DashboardApi : IDisposable
{
    private readonly HttpClient _http;

    private DashboardApi(Uri address, string key)
    {
        _http = new HttpClient { BaseAddress = address };
        _http.DefaultRequestHeaders.Add("X-API-Key", key);
    }

    public static async Task<DashboardApi> OpenAsync(TestApp app) =>
        new(new Uri(await AddressAsync(app)), Configuration(app)["AppHost:DashboardApiKey"]!);

    /// <summary>The address by which a browser is let in.</summary>
    public static async Task<string> LoginAsync(TestApp app) => new Uri(new Uri(await AddressAsync(app)), $"/login?t={Configuration(app)["AppHost:BrowserToken"]}").ToString();

    /// <summary>The spans of one trace.</summary>
    public async Task<IReadOnlyList<Span>> TraceAsync(string traceId) => await SpansAsync($"traces/{traceId}");

    /// <summary>All spans of a service.</summary>
    public async Task<IReadOnlyList<Span>> SpansOfAsync(string service) => await SpansAsync($"spans?resource={service}&limit=10000");

    /// <summary>The kinds of telemetry that each process has sent.</summary>
    public async Task<IReadOnlyList<(string Service, bool Logs, bool Traces, bool Metrics)>> ResourcesAsync() =>
    [
        .. (await GetAsync("resources")).EnumerateArray().Select(resource => (
            resource.GetProperty("name").GetString()!, resource.GetProperty("hasLogs").GetBoolean(), resource.GetProperty("hasTraces").GetBoolean(), resource.GetProperty("hasMetrics").GetBoolean())),
    ];

    public void Dispose() => _http.Dispose();

    private static IConfiguration Configuration(TestApp app) => app.App.Services.GetRequiredService<IConfiguration>();

    private static async Task<string> AddressAsync(TestApp app)
    {
        ResourceEvent dashboard = await app.App.ResourceNotifications.WaitForResourceAsync("aspire-dashboard", change => change.Snapshot.Urls.Any(url => url.Name == "http")).WaitAsync(TestEnvironment.Patience);
        return dashboard.Snapshot.Urls.First(url => url.Name == "http").Url;
    }

    private async Task<JsonElement> GetAsync(string path)
    {
        using HttpResponseMessage answer = await _http.GetAsync(new Uri($"/api/telemetry/{path}", UriKind.Relative));
        return answer.IsSuccessStatusCode ? JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync()) : default;
    }

    private async Task<IReadOnlyList<Span>> SpansAsync(string path) => await GetAsync(path) is { ValueKind: JsonValueKind.Object } found
        ?
        [
            .. from process in found.GetProperty("data").GetProperty("resourceSpans").EnumerateArray()
               let attributes = Attributes(process.GetProperty("resource"))
               from scope in process.GetProperty("scopeSpans").EnumerateArray()
               from span in scope.GetProperty("spans").EnumerateArray()
               select new Span(attributes["service.name"], attributes.GetValueOrDefault("service.instance.id", ""), span.GetProperty("name").GetString()!, Attributes(span)),
        ]
        : [];

    private static Dictionary<string, string> Attributes(JsonElement of) => of.TryGetProperty("attributes", out JsonElement attributes)
        ? attributes.EnumerateArray().ToDictionary(attribute => attribute.GetProperty("key").GetString()!, attribute => attribute.GetProperty("value").EnumerateObject().First().Value.ToString())
        : [];

    internal sealed record Span(string Service, string Instance, string Name, IReadOnlyDictionary<string, string> Attributes);
}
