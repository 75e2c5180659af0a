using System.Net;
using System.Text.Json;
using WorkQueue.Board.Api;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

public sealed class TaskApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task A_task_is_shown_with_payload_result_attempts_and_history()
    {
        await _api.RecordAsync(
            _api.Records.Queued("a") with { TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }, _api.Records.Running("a"), _api.Records.Succeeded("a", result: """{"pages":3}"""));
        (HttpStatusCode status, JsonElement task) = await _api.GetAsync("/tasks/a");
        Assert.Equal((HttpStatusCode.OK, "succeeded", "worker-1"), (status, Text(task, "state"), Text(task, "worker")));
        Assert.Equal((JsonValueKind.Object, 3), (task.GetProperty("payload").ValueKind, task.GetProperty("result").GetProperty("pages").GetInt32()));
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", Text(task, "traceId"));
        Assert.Equal("succeeded", Text(Assert.Single(task.GetProperty("attempts").EnumerateArray()), "outcome"));
        Assert.Equal(["queued", "running", "succeeded"], task.GetProperty("history").EnumerateArray().Select(step => Text(step, "state")));
    }

    [Fact]
    public async Task A_payload_that_is_gone_is_said()
    {
        HistoryRecord running = _api.Records.Running("a");
        await _api.RecordAsync(_api.Records.Queued("a") with { Offset = 1 }, running);
        _api.History.Truncate(before: 2);
        (_, JsonElement task) = await _api.GetAsync("/tasks/a");
        Assert.Contains("no longer in the history", Text(task, "payloadNote"), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, task.GetProperty("payload").ValueKind);
    }

    [Fact]
    public async Task A_task_the_history_knows_by_its_idempotency_key_is_answered_with_its_state_and_not_enqueued_again()
    {
        string id = IdempotencyKey.TaskIdOf("order-17");
        await _api.RecordAsync(_api.Records.Queued(id) with { Body = "once"u8.ToArray(), ContentType = "text/plain" }, _api.Records.Succeeded(id));
        using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = new StringContent("once") };
        request.Headers.Add("Idempotency-Key", "order-17");
        using HttpResponseMessage answer = await _api.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        JsonElement task = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());
        Assert.Equal((id, "succeeded"), (Text(task, "id"), Text(task, "state")));
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task An_unknown_id_is_404_and_says_when_the_history_starts()
    {
        await _api.RecordAsync(_api.Records.Queued("a"));
        foreach ((HttpStatusCode status, JsonElement problem) in new[] { await _api.GetAsync("/tasks/b"), await _api.PostAsync("/tasks/b/cancel"), await _api.PostAsync("/tasks/b/run-again") })
        {
            Assert.Equal((HttpStatusCode.NotFound, "No task 'b'. The history starts at 2026-01-02 03:00:00Z."), (status, Text(problem, "detail")));
        }
    }

    [Theory]
    [InlineData("/tasks?state=done", "state is 'done'; it is one of scheduled")]
    [InlineData("/tasks?state=queued,,running", "state is ''")]
    [InlineData("/tasks?limit=0", "limit is '0'; it is 1 to 500")]
    [InlineData("/tasks?limit=501", "limit is '501'")]
    [InlineData("/tasks?limit=ten", "limit is 'ten'")]
    [InlineData("/tasks?cursor=x", "cursor is 'x'")]
    [InlineData("/events?topic=a..b", "topic is 'a..b'")]
    [InlineData("/events?topic=%23&topic=**", "topic is '**'")]
    public async Task A_bad_value_is_400_and_named(string path, string detail)
    {
        (HttpStatusCode status, JsonElement problem) = await _api.GetAsync(path);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(detail, Text(problem, "detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_are_paged_newest_first()
    {
        await _api.RecordAsync(_api.Records.Queued("a"), _api.Records.Running("b"), _api.Records.Dead("c"));
        (_, JsonElement first) = await _api.GetAsync("/tasks?limit=2&state=queued,running,deadLettered");
        Assert.Equal(["c", "b"], Ids(first));
        (_, JsonElement second) = await _api.GetAsync($"/tasks?limit=2&cursor={Text(first, "next")}");
        Assert.Equal(["a"], Ids(second));
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next").ValueKind);
        using HttpResponseMessage answer = await _api.Http.GetAsync("/tasks");
        Assert.Equal("live", Assert.Single(answer.Headers.GetValues("WorkQueue-History")));
    }

    [Fact]
    public async Task Waiting_answers_with_the_result_or_after_the_time_with_the_state()
    {
        _api.Broker.OnEnqueued = id => _api.History.Add(_api.Records.Running(id), _api.Records.Succeeded(id, result: "42"));
        (HttpStatusCode status, JsonElement done) = await _api.PostAsync("/tasks?wait=10s", """{"type":"simulate","payload":{}}""");
        Assert.Equal((HttpStatusCode.OK, "succeeded", 42), (status, Text(done, "state"), done.GetProperty("result").GetInt32()));
        _api.Broker.OnEnqueued = id => _api.History.Add(_api.Records.Dead(id, "bang"));
        (status, done) = await _api.PostAsync("/tasks?wait=00:00:10", """{"type":"simulate","payload":{}}""");
        Assert.Equal((HttpStatusCode.OK, "deadLettered", "bang"), (status, Text(done, "state"), Text(done, "error")));
        _api.Broker.OnEnqueued = null;
        (status, done) = await _api.PostAsync("/tasks?wait=0.2s", """{"type":"simulate","payload":{}}""");
        Assert.Equal((HttpStatusCode.Accepted, "queued"), (status, Text(done, "state")));
        foreach (string bad in (string[])["0s", "61s", "ten", "1", "1.00:00:00"])
        {
            (status, done) = await _api.PostAsync($"/tasks?wait={bad}", """{"type":"simulate","payload":{}}""");
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Contains($"wait is '{bad}'", Text(done, "detail"), StringComparison.Ordinal);
        }

        Assert.Equal(3, _api.Broker.Enqueued.Count);
    }

    [Fact]
    public async Task A_waiting_task_is_cancelled_a_running_one_told_to_stop_and_an_ended_one_refused()
    {
        await _api.RecordAsync(_api.Records.Queued("a", attempt: 2), _api.Records.Running("b"), _api.Records.Succeeded("c"));
        Assert.Equal("cancelled", Text((await _api.PostAsync("/tasks/a/cancel")).Json, "state"));
        Assert.Equal("running", Text((await _api.PostAsync("/tasks/b/cancel")).Json, "state"));
        Assert.Equal([new TaskToCancel("a", "simulate", "default", 2, 0, Running: false), new TaskToCancel("b", "simulate", "default", 1, 0, Running: true)], _api.Broker.Cancelled);
        Assert.Equal(HttpStatusCode.Conflict, (await _api.PostAsync("/tasks/c/cancel")).Status);
    }

    [Fact]
    public async Task A_dead_task_runs_again_under_a_new_id_and_its_letter_goes()
    {
        await _api.RecordAsync(_api.Records.Queued("a") with { Body = """{"n":1}"""u8.ToArray() }, _api.Records.Dead("a") with { Body = """{"n":1}"""u8.ToArray(), ContentType = "application/json" });
        (HttpStatusCode status, JsonElement again) = await _api.PostAsync("/tasks/a/run-again");
        NewTask task = Assert.Single(_api.Broker.Enqueued);
        Assert.Equal((HttpStatusCode.Accepted, "a", "simulate", """{"n":1}"""), (status, task.RunOf, task.Type, System.Text.Encoding.UTF8.GetString(task.Body.Span)));
        Assert.NotEqual("a", Text(again, "id"));
        Assert.Equal("a", Assert.Single(Assert.Single(_api.Broker.Discarded).Ids!));
        await _api.PostAsync("/tasks/a/run-again", """{"payload":{"n":2}}""");
        Assert.Equal("""{"n":2}""", System.Text.Encoding.UTF8.GetString(_api.Broker.Enqueued[^1].Body.Span));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{"payload":{"a":1,}}""")]
    [InlineData("""{"payolad":{}}""")]
    [InlineData("""{"payload":"\ud800"}""")]
    public async Task A_malformed_payload_runs_nothing_again(string body)
    {
        await _api.RecordAsync(_api.Records.Dead("a") with { Body = "{}"u8.ToArray() });
        Assert.Equal(HttpStatusCode.BadRequest, (await _api.PostAsync("/tasks/a/run-again", body)).Status);
        Assert.Empty(_api.Broker.Enqueued);
        Assert.Empty(_api.Broker.Discarded);
    }

    [Fact]
    public async Task Half_of_a_surrogate_pair_from_another_client_is_shown_as_it_was_sent()
    {
        byte[] half = """{"text":"\ud800"}"""u8.ToArray();
        await _api.RecordAsync(
            _api.Records.Queued("a") with { Body = half, ContentType = "application/json" }, _api.Records.Running("a"), _api.Records.Succeeded("a", result: """"\ud800""""));
        (HttpStatusCode status, JsonElement task) = await _api.GetAsync("/tasks/a");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("ud800", task.ToString(), StringComparison.Ordinal);
        Assert.Contains("ud800", await _api.Http.GetStringAsync("/board/tasks/a"), StringComparison.Ordinal);
        Assert.Contains("ud800", EventWriter.TextOf(TaskEvent.Of(new EmittedEvent("orders", null, "1", JsonSerializer.Deserialize<JsonElement>(half)))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pending_task_is_not_run_again_and_a_letter_stays_when_the_broker_is_away()
    {
        await _api.RecordAsync(_api.Records.Queued("a"), _api.Records.Dead("b") with { Body = "{}"u8.ToArray() });
        Assert.Equal(HttpStatusCode.Conflict, (await _api.PostAsync("/tasks/a/run-again")).Status);
        _api.Broker.IsAway = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _api.PostAsync("/tasks/b/run-again")).Status);
        Assert.Empty(_api.Broker.Discarded);
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static IEnumerable<string?> Ids(JsonElement page) => page.GetProperty("items").EnumerateArray().Select(task => Text(task, "id"));
}
