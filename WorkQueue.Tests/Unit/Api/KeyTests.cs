using System.Net;
using System.Text.Json;
using WorkQueue.Board.Api;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>The header Idempotency-Key.</summary>
public sealed class KeyTests : IAsyncLifetime
{
    private const string Key = "order-17";

    private static readonly string Id = IdempotencyKey.TaskIdOf(Key);

    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task The_same_key_with_another_payload_type_or_queue_is_422_and_names_the_task_it_was_used_for()
    {
        await _api.RecordAsync(_api.Records.Queued(Id) with { Body = "1"u8.ToArray() });
        Assert.Equal((HttpStatusCode.Accepted, "queued"), await SendAsync(Json("1")));
        foreach (string other in (string[])[Json("2"), """{"type":"other","payload":1}""", """{"type":"simulate","payload":1,"queue":"fast"}"""])
        {
            using HttpResponseMessage answer = await PostAsync(other);
            JsonElement problem = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());
            Assert.Equal((HttpStatusCode.UnprocessableEntity, Id), (answer.StatusCode, problem.GetProperty("taskId").GetString()));
            Assert.Contains($"used for another task, '{Id}'", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task Twenty_calls_at_once_with_one_key_and_three_payloads_make_one_task()
    {
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _api.Broker.Gate = gate.Task;
        Task<(HttpStatusCode Status, string? State)>[] calls = [.. Enumerable.Range(0, 20).Select(number => SendAsync(Json($"{number % 3}")))];
        gate.SetResult();
        (HttpStatusCode Status, string? State)[] answers = await Task.WhenAll(calls);
        NewTask task = Assert.Single(_api.Broker.Enqueued);
        string made = System.Text.Encoding.UTF8.GetString(task.Body.Span);
        for (int number = 0; number < 20; number++)
        {
            Assert.Equal($"{number % 3}" == made ? (HttpStatusCode.Accepted, "queued") : (HttpStatusCode.UnprocessableEntity, null), answers[number]);
        }
    }

    [Fact]
    public async Task A_call_that_reached_nothing_leaves_its_key_free()
    {
        _api.Broker.IsAway = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await SendAsync(Json("1"))).Status);
        _api.Broker.IsAway = false;
        Assert.Equal((HttpStatusCode.Accepted, "queued"), await SendAsync(Json("2")));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await SendAsync(Json("1"))).Status);
    }

    [Fact]
    public async Task After_an_unknown_outcome_the_same_task_is_sent_again_until_a_worker_has_had_it_and_another_one_never()
    {
        _api.Broker.IsUncertain = true;
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await SendAsync(Json("1"))).Status);
        // The history may have what the queue has not.
        await _api.RecordAsync(_api.Records.Queued(Id) with { Body = "1"u8.ToArray() });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await SendAsync(Json("2"))).Status);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await SendAsync(Json("1"))).Status);
        await _api.RecordAsync(_api.Records.Running(Id));
        Assert.Equal((HttpStatusCode.Accepted, "running"), await SendAsync(Json("1")));
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task A_key_the_history_does_not_tell_of_yet_is_503_while_it_is_being_read()
    {
        TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ApiHost api = await ApiHost.StartInAsync("Development", new FakeHistory { End = end.Task });
        using HttpResponseMessage early = await PostAsync(Json("1"), api);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, early.StatusCode);
        Assert.NotNull(early.Headers.RetryAfter);
        Assert.Contains("still being read", await early.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(api.Broker.Enqueued);
        end.SetResult();
        using HttpResponseMessage late = await PostAsync(Json("1"), api);
        Assert.Equal(HttpStatusCode.Accepted, late.StatusCode);
    }

    [Fact]
    public async Task Of_a_cancelled_task_the_answer_is_cancelled_and_nothing_is_sent()
    {
        await _api.RecordAsync(_api.Records.Queued(Id) with { Body = "1"u8.ToArray() }, _api.Records.Cancelled(Id) with { Reason = ITaskControl.CancelledBeforeItRan });
        Assert.Equal((HttpStatusCode.Accepted, "cancelled"), await SendAsync(Json("1")));
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task A_task_that_no_queue_took_is_sent_again_and_shown_as_what_becomes_of_it()
    {
        await _api.RecordAsync(_api.Records.Queued(Id) with { Body = "1"u8.ToArray() }, _api.Records.Cancelled(Id) with { Reason = ITaskHistory.NotEnqueued });
        Assert.False(_api.Projection.Find(Id)!.OnBroker);
        Assert.Equal((HttpStatusCode.Accepted, "queued"), await SendAsync(Json("1")));
        Assert.Single(_api.Broker.Enqueued);
        await Eventually.TrueAsync(() => _api.Projection.Find(Id)!.State == TaskState.Queued, "it is shown as queued");
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task What_its_queue_refused_is_sent_again_also_where_the_history_has_it(string payload)
    {
        _api.Broker.IsRefusing = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await SendAsync(Json("1"))).Status);
        await Eventually.TrueAsync(() => _api.Projection.Find(Id) is not null, "the history tells of it");
        _api.Broker.IsRefusing = false;
        Assert.Equal((HttpStatusCode.Accepted, "queued"), await SendAsync(Json(payload)));
        Assert.Equal(payload, System.Text.Encoding.UTF8.GetString(Assert.Single(_api.Broker.Enqueued).Body.Span));
    }

    [Fact]
    public async Task A_key_is_compared_with_what_was_enqueued_and_not_with_what_no_queue_took()
    {
        await _api.RecordAsync(
            _api.Records.Queued(Id) with { Body = "1"u8.ToArray() },
            _api.Records.Cancelled(Id) with { Reason = ITaskHistory.NotEnqueued },
            _api.Records.Queued(Id) with { Body = "2"u8.ToArray() });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await SendAsync(Json("1"))).Status);
        Assert.Equal((HttpStatusCode.Accepted, "queued"), await SendAsync(Json("2")));
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task While_the_history_is_being_read_what_it_has_told_of_a_key_so_far_is_no_answer()
    {
        TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        FakeHistory history = new() { End = end.Task };
        history.Add(new Records(new FakeClock()).Queued(Id) with { Body = "1"u8.ToArray() });
        await using ApiHost api = await ApiHost.StartInAsync("Development", history);
        await Eventually.TrueAsync(() => api.Projection.Find(Id) is not null, "it is told so far");
        using HttpResponseMessage answer = await PostAsync(Json("1"), api);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        end.SetResult();
    }

    [Fact]
    public async Task Who_waits_for_a_task_is_not_answered_by_what_no_queue_took_before_it()
    {
        _api.Broker.OnEnqueued = id => _api.History.Add(
            _api.Records.Cancelled(id) with { Reason = ITaskHistory.NotEnqueued }, _api.Records.Queued(id), _api.Records.Succeeded(id, result: "7"));
        using HttpResponseMessage answer = await PostAsync(Json("1"), path: "/tasks?wait=20s");
        Assert.Contains("succeeded", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static string Json(string payload) => $$"""{"type":"simulate","payload":{{payload}}}""";

    private async Task<(HttpStatusCode Status, string? State)> SendAsync(string body)
    {
        using HttpResponseMessage answer = await PostAsync(body);
        JsonElement json = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());
        return (answer.StatusCode, json.TryGetProperty("state", out JsonElement state) ? state.GetString() : null);
    }

    private async Task<HttpResponseMessage> PostAsync(string body, ApiHost? api = null, string path = "/tasks")
    {
        using HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", Key);
        return await (api ?? _api).Http.SendAsync(request);
    }
}
