using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The telemetry of a running system, as Aspire's dashboard has it.</summary>
[Collection(SystemTests.Name)]
public sealed class DashboardTests(RunningSystem system) : OnRunningSystem(system)
{
    [AppHostFact]
    public async Task A_task_sent_over_HTTP_and_retried_on_another_worker_is_one_trace()
    {
        using DashboardApi dashboard = await DashboardApi.OpenAsync(App);
        JsonElement task = await RetriedElsewhereAsync();
        string[] workers = [.. task.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("worker").GetString()!)];
        IReadOnlyList<DashboardApi.Span> spans = [];
        await Eventually.TrueAsync(async () => (spans = await dashboard.TraceAsync(task.GetProperty("traceId").GetString()!)).Count >= 4, "the spans arrive");

        Assert.Equal(["POST /tasks", "process default", "process default", "publish default"], spans.Select(span => span.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["producer", "producer", "worker", "worker"], spans.Select(span => span.Service).Order(StringComparer.Ordinal));
        Assert.Equal(workers.Order(StringComparer.Ordinal), spans.Where(span => span.Service == "worker").Select(span => $"worker-{span.Instance}").Order(StringComparer.Ordinal));
    }

    [AppHostFact]
    public async Task Logs_traces_and_metrics_of_the_producer_and_of_both_workers_arrive()
    {
        using DashboardApi dashboard = await DashboardApi.OpenAsync(App);
        await RetriedElsewhereAsync();
        await Eventually.TrueAsync(
            async () => (await dashboard.ResourcesAsync()).Where(resource => resource.Service is "producer" or "worker").OrderBy(resource => resource.Service, StringComparer.Ordinal)
                .SequenceEqual([("producer", true, true, true), ("worker", true, true, true), ("worker", true, true, true)]),
            "all three have sent logs, traces and metrics");
    }

    [AppHostFact]
    public async Task Health_probes_and_calls_of_the_management_API_make_no_traces()
    {
        using DashboardApi dashboard = await DashboardApi.OpenAsync(App);
        // This call asks the management API; the AppHost's health checks have called /health, /workers and /queues since the start.
        await App.Producer.GetStringAsync("/queues");
        await Eventually.TrueAsync(async () => (await dashboard.SpansOfAsync("producer")).Any(span => span.Name == "GET /queues"), "the call is traced");
        IReadOnlyList<DashboardApi.Span> spans = await dashboard.SpansOfAsync("producer");
        Assert.DoesNotContain(spans, span => span.Name is "GET" or "GET /health" or "GET /workers" || span.Attributes.GetValueOrDefault("url.full", "").Contains("/api/queues", StringComparison.Ordinal));
    }

    // Both workers are free. One takes the short task; the other the one that fails and, before its retry is due, a long one.
    private async Task<JsonElement> RetriedElsewhereAsync()
    {
        for (int tries = 1; ; tries++)
        {
            await App.SendAsync("short.");
            using HttpResponseMessage answer = await App.SendAsync("fail elsewhere");
            await App.SendAsync("long...");
            string id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
            JsonElement task = default;
            await Eventually.TrueAsync(
                async () => (task = await App.Producer.GetFromJsonAsync<JsonElement>($"/tasks/{id}")).GetProperty("state").GetString() == "deadLettered", "it is retried and fails again");
            if (task.GetProperty("attempts").EnumerateArray().Select(attempt => attempt.GetProperty("worker").GetString()).Distinct().Count() == 2 || tries == 5)
            {
                return task;
            }
        }
    }
}
