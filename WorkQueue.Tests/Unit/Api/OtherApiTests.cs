using System.Net;
using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Api;

public sealed class OtherApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task A_batch_enqueues_the_good_lines_and_names_the_bad_ones()
    {
        const string Lines = """
            {"type":"simulate","payload":1}
            {"type":"simulate"

            {"type":"simulate","payload":2,"queue":"fast"}
            {"type":"simulate","payload":3}
            """;
        (HttpStatusCode status, JsonElement answer) = await _api.PostAsync("/tasks/batch", Lines, "application/x-ndjson");
        Assert.Equal((HttpStatusCode.Accepted, 2, 2), (status, answer.GetProperty("accepted").GetInt32(), answer.GetProperty("ids").GetArrayLength()));
        Assert.Equal([2, 4], answer.GetProperty("rejected").EnumerateArray().Select(line => line.GetProperty("line").GetInt32()));
        Assert.Contains("No queue 'fast'", answer.GetProperty("rejected")[1].GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_that_is_too_long_or_empty_or_of_another_type_changes_nothing()
    {
        string tooLong = string.Concat(Enumerable.Repeat("{\"type\":\"simulate\",\"payload\":1}\n", 10_001));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await _api.PostAsync("/tasks/batch", tooLong, "application/x-ndjson")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await _api.PostAsync("/tasks/batch", "\n\n", "application/x-ndjson")).Status);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await _api.PostAsync("/tasks/batch", "{}")).Status);
        Assert.Empty(_api.Broker.Enqueued);
        _api.Broker.IsAway = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _api.PostAsync("/tasks/batch", "{\"type\":\"simulate\",\"payload\":1}", "application/x-ndjson")).Status);
    }

    [Fact]
    public async Task Queues_are_paused_and_resumed_and_show_what_is_delayed()
    {
        await _api.RecordAsync(_api.Records.Scheduled("a", TimeSpan.FromDays(36_500)));
        Assert.True((await _api.PostAsync("/queues/default/pause")).Json.GetProperty("paused").GetBoolean());
        JsonElement queue = (await _api.GetAsync("/queues")).Json.GetProperty("items")[0];
        Assert.Equal(("default", "wq.default", true, 3, 1), (queue.GetProperty("name").GetString(), queue.GetProperty("brokerName").GetString(), queue.GetProperty("paused").GetBoolean(), queue.GetProperty("ready").GetInt32(), queue.GetProperty("delayed").GetInt32()));
        Assert.Equal(JsonValueKind.Null, queue.GetProperty("unacknowledged").ValueKind);
        Assert.Contains("WorkQueue:ManagementUrl", queue.GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.False((await _api.PostAsync("/queues/default/resume")).Json.GetProperty("paused").GetBoolean());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await _api.PostAsync("/queues/fast/pause")).Status);
    }

    [Fact]
    public async Task A_queue_whose_tasks_wait_and_nobody_takes_says_how_long_and_is_an_alarm()
    {
        await _api.RecordAsync(_api.Records.Queued("a"));
        Assert.Matches(@"^(\d+\.)?\d\d:\d\d:\d\d", (await _api.GetAsync("/queues")).Json.GetProperty("items")[0].GetProperty("oldestWaiting").GetString());
        Assert.DoesNotContain("no worker takes from it", (await _api.GetAsync("/stats")).Json.GetProperty("alarms").ToString(), StringComparison.Ordinal);
        _api.Broker.Consumers = 0;
        Assert.Contains("3 wait in queue default, and no worker takes from it.", (await _api.GetAsync("/stats")).Json.GetProperty("alarms").EnumerateArray().Select(alarm => alarm.GetString()));
        Assert.Contains("3 wait in queue default, and no worker takes from it.", await _api.Http.GetStringAsync("/board"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_queue_with_a_rate_it_is_told_how_many_of_its_tasks_start_in_which_time()
    {
        await using ApiHost api = await ApiHost.StartAsync("--WorkQueue:Queues:default:Rate=30/00:01:00");
        Assert.Equal("30 per 00:01:00", (await api.GetAsync("/queues")).Json.GetProperty("items")[0].GetProperty("rate").GetString());
        Assert.Contains("at most 30 per 00:01:00", await api.Http.GetStringAsync("/board/queues"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_lane_it_is_told_how_many_of_its_tasks_run_at_once_and_start_in_which_time()
    {
        _api.Broker.Lanes = [new("", "wq.default", 1, 1), new("type-sms", "wq.default.type-sms", 2, 0) { Limit = 4, Rate = "30 per 00:01:00" }];
        JsonElement lanes = (await _api.GetAsync("/queues")).Json.GetProperty("items")[0].GetProperty("lanes");
        Assert.Equal(JsonValueKind.Null, lanes[0].GetProperty("rate").ValueKind);
        Assert.Equal((4, "30 per 00:01:00"), (lanes[1].GetProperty("maxRunning").GetInt32(), lanes[1].GetProperty("rate").GetString()));
        Assert.Contains("type-sms: 2 ready, at most 4 at once, 0 taken, at most 30 per 00:01:00", await _api.Http.GetStringAsync("/board/queues"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_limited_queue_it_is_told_how_many_may_run_and_how_many_permits_are_taken()
    {
        await using ApiHost api = await ApiHost.StartAsync("--WorkQueue:Queues:default:MaxRunning=5");
        JsonElement queue = (await api.GetAsync("/queues")).Json.GetProperty("items")[0];
        Assert.Equal((5, 2), (queue.GetProperty("maxRunning").GetInt32(), queue.GetProperty("permits").GetInt32()));
        Assert.Contains("at most 5 at once; 2 taken", await api.Http.GetStringAsync("/board/queues"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listed_type_that_no_worker_has_a_handler_for_is_an_alarm()
    {
        const string Alarm = "No worker has a handler for task type resize: its tasks in queue default wait for one, and are dead letters when WorkQueue:Worker:UnknownTypeGrace is over.";
        await using ApiHost api = await ApiHost.StartAsync("--WorkQueue:Types:resize:Queue=default");
        Assert.DoesNotContain(Alarm, await AlarmsAsync());
        api.Broker.HandledTypes = ["simulate"];
        Assert.Contains(Alarm, await AlarmsAsync());
        Assert.Contains(Alarm, await api.Http.GetStringAsync("/board"), StringComparison.Ordinal);
        api.Broker.HandledTypes = ["resize", "simulate"];
        Assert.DoesNotContain(Alarm, await AlarmsAsync());

        async Task<string?[]> AlarmsAsync() => [.. (await api.GetAsync("/stats")).Json.GetProperty("alarms").EnumerateArray().Select(alarm => alarm.GetString())];
    }

    [Fact]
    public async Task Figures_and_workers_are_told()
    {
        await _api.RecordAsync(_api.Records.Queued("a"), _api.Records.Succeeded("b"));
        JsonElement stats = (await _api.GetAsync("/stats")).Json;
        Assert.Equal((2, 1, "live"), (stats.GetProperty("counts").GetProperty("confirmed").GetInt32(), stats.GetProperty("counts").GetProperty("succeeded").GetInt32(), stats.GetProperty("history").GetProperty("state").GetString()));
        Assert.Equal((3, JsonValueKind.Null, 1), (stats.GetProperty("broker").GetProperty("ready").GetInt32(), stats.GetProperty("broker").GetProperty("unacknowledged").ValueKind, stats.GetProperty("workers").GetInt32()));
        JsonElement worker = (await _api.GetAsync("/workers")).Json.GetProperty("items")[0];
        Assert.Equal(("worker-1", "a"), (worker.GetProperty("id").GetString(), worker.GetProperty("tasks")[0].GetProperty("id").GetString()));
    }

    [Fact]
    public async Task A_dry_run_counts_and_moves_nothing()
    {
        Assert.Equal(0, (await _api.PostAsync("/dead-letters/discard", """{"queue":"default","dryRun":true}""")).Json.GetProperty("count").GetInt32());
        Assert.Empty(_api.Broker.Discarded);
        Assert.Equal(1, (await _api.PostAsync("/dead-letters/discard", """{"queue":"default"}""")).Json.GetProperty("count").GetInt32());
        Assert.Single(_api.Broker.Discarded);
    }

    [Fact]
    public async Task Events_go_on_after_the_last_one_the_client_has()
    {
        await _api.RecordAsync(_api.Records.Queued("a"), _api.Records.Running("a"));
        long first = _api.Projection.OffsetsOf("a")[0];
        using HttpRequestMessage request = new(HttpMethod.Get, "/events?topic=task.*.*.running&topic=%23.succeeded");
        request.Headers.Add("Last-Event-ID", $"{first}");
        using HttpResponseMessage response = await _api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        Assert.Equal([$"id: {first + 1}", "event: task.default.simulate.running"], (await EventAsync(lines))[..2]);
        await _api.RecordAsync(_api.Records.Queued("b"), _api.Records.Succeeded("a", result: "7"));
        string[] done = await EventAsync(lines);
        Assert.Equal($"id: {first + 3}", done[0]);
        Assert.Equal(7, JsonSerializer.Deserialize<JsonElement>(done[2]["data: ".Length..]).GetProperty("result").GetInt32());
    }

    [Fact]
    public async Task What_users_publish_is_shown_live_beside_what_happens_to_tasks_and_without_an_id_to_go_on_after()
    {
        await Eventually.TrueAsync(() => !_api.Projection.Progress.IsReplaying, "the history is read");
        using HttpResponseMessage response = await _api.Http.GetAsync("/events?topic=orders.%23&topic=task.%23", HttpCompletionOption.ResponseHeadersRead);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        Assert.Equal(": connected", await lines.ReadLineAsync());
        await _api.RecordAsync(_api.Records.Queued("a"));
        Assert.Equal("event: task.default.simulate.queued", (await EventAsync(lines))[1]);
        JsonElement payload = JsonSerializer.SerializeToElement("first");
        _api.Publish(new EmittedEvent("payments.created", null, "e1", payload));
        _api.Publish(new EmittedEvent("orders.eu.created", null, "e2", payload));
        Assert.Equal(["event: orders.eu.created", """data: {"topic":"orders.eu.created","at":null,"id":"e2","payload":"first"}"""], await EventAsync(lines));
    }

    [Fact]
    public async Task An_event_is_published_or_refused_with_the_reason()
    {
        (HttpStatusCode status, JsonElement answer) = await _api.PostAsync("/events", """{"topic":"orders.eu.created","payload":{"order":17}}""");
        Assert.Equal((HttpStatusCode.Accepted, "event-1"), (status, answer.GetProperty("id").GetString()));
        Assert.Equal("""{"order":17}""", ((JsonElement)Assert.Single(_api.Broker.Published).Payload!).GetRawText());
        (status, answer) = await _api.PostAsync("/events", """{"topic":"orders..created","payload":1}""");
        Assert.Equal((HttpStatusCode.BadRequest, "Not an event"), (status, answer.GetProperty("title").GetString()));
        Assert.Equal(HttpStatusCode.BadRequest, (await _api.PostAsync("/events", """{"topic":"orders"}""")).Status);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await _api.PostAsync("/events", "hello", "text/plain")).Status);
        _api.Broker.IsAway = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _api.PostAsync("/events", """{"topic":"orders","payload":1}""")).Status);
        Assert.Single(_api.Broker.Published);
    }

    [Fact]
    public async Task Without_history_tasks_cannot_be_looked_up_and_it_says_so()
    {
        await using ApiHost off = await ApiHost.StartAsync("--WorkQueue:History=off");
        Assert.Equal(HttpStatusCode.NotFound, (await off.GetAsync("/tasks/a")).Status);
        (HttpStatusCode status, JsonElement problem) = await off.GetAsync("/tasks");
        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains("WorkQueue:History is off", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Conflict, (await off.PostAsync("/tasks?wait=1s", """{"type":"simulate","payload":1}""")).Status);
        Assert.Empty(off.Broker.Enqueued);
        Assert.Equal(HttpStatusCode.Conflict, (await off.GetAsync("/events?topic=task.%23")).Status);
        using HttpResponseMessage others = await off.Http.GetAsync("/events?topic=orders.%23", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, others.StatusCode);
        Assert.Equal("off", (await off.GetAsync("/stats")).Json.GetProperty("history").GetProperty("state").GetString());
    }

    [Fact]
    public async Task Every_call_is_in_the_description()
    {
        JsonElement paths = (await _api.GetAsync("/openapi/v1.json")).Json.GetProperty("paths");
        string[] calls = ["/tasks", "/tasks/batch", "/tasks/{id}", "/tasks/{id}/cancel", "/tasks/{id}/run-again", "/queues", "/queues/{queue}/pause", "/queues/{queue}/resume", "/workers", "/scaling", "/stats", "/events"];
        Assert.All(calls, call => Assert.True(paths.TryGetProperty(call, out _), call));
    }

    private static async Task<string[]> EventAsync(StreamReader lines)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
        List<string> read = [];
        while (await lines.ReadLineAsync(limit.Token) is { } line && (line.Length > 0 || read.Count == 0))
        {
            if (line.Length > 0 && line[0] != ':')
            {
                read.Add(line);
            }
        }

        return [.. read];
    }
}
