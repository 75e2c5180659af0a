using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using RabbitMQ.Client;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The system as a newcomer starts it: a producer and two workers.</summary>
[Collection(SystemTests.Name)]
public sealed class TutorialTests(RunningSystem system) : OnRunningSystem(system)
{
    private static readonly string[] Messages = ["First message.", "Second message..", "Third message...", "Fourth message....", "Fifth message....."];

    [AppHostFact]
    public async Task The_five_tutorial_messages_are_all_done_none_twice_and_shared_by_both_workers()
    {
        JsonElement[] done = await RunAsync(Messages);
        Assert.Equal(2, done.Select(task => Text(task, "worker")).Distinct().Count());
        Assert.All(done, task => Assert.Equal((1, 0), (task.GetProperty("attempts").GetArrayLength(), task.GetProperty("duplicates").GetInt32())));
        await Eventually.TrueAsync(() => Messages.All(message => App.Lines($"Received {message}").Length == 1), "each is received once");
    }

    [AppHostFact]
    public async Task Two_workers_share_alternating_heavy_and_light_tasks_in_nearly_the_ideal_time()
    {
        // Round robin would give all four heavy ones to the same worker: 12 s. The ideal is 6 s.
        JsonElement[] done = await RunAsync(
            "fair heavy 1...", "fair light 1", "fair heavy 2...", "fair light 2", "fair heavy 3...", "fair light 3", "fair heavy 4...", "fair light 4");
        TimeSpan makespan = done.Max(task => task.GetProperty("changedAt").GetDateTimeOffset()) - done.Min(task => task.GetProperty("enqueuedAt").GetDateTimeOffset());
        // With room for a busy machine: the tests around it run at the same time.
        Assert.InRange(makespan, TimeSpan.FromSeconds(5.9), TimeSpan.FromSeconds(8));
    }

    [AppHostTheory]
    [InlineData("text/plain", "", 400, "The body is empty")]
    [InlineData("application/json", "", 400, "The body is empty")]
    [InlineData("application/json", """{"type":"simulate","payload":""", 400, "BytePositionInLine")]
    [InlineData("application/json", """{"payload":{}}""", 400, "type")]
    [InlineData("application/json", """{"type":"simulate"}""", 400, "payload")]
    [InlineData("application/json", """{"type":"simulate","payload":{},"dely":"00:00:05"}""", 400, "dely")]
    [InlineData("application/json", """{"type":"simulate","payload":{},"delay":"-00:00:05"}""", 400, "delay")]
    [InlineData("application/json", """{"type":"simulate","payload":{},"delay":"60.00:00:00"}""", 400, "48.5 days")]
    [InlineData("application/json", """{"type":"simulate","payload":{},"delay":"00:00:05","notBefore":"2100-01-01T00:00:00Z"}""", 400, "not both")]
    [InlineData("application/json", """{"type":"simulate","payload":{},"deadline":"2000-01-01T00:00:00Z"}""", 400, "deadline")]
    [InlineData("application/json", """{"type":"resize","payload":{}}""", 422, "deliver-webhook, render-pdf, resize-image, simulate")]
    [InlineData("application/json", """{"type":"simulate","payload":{},"queue":"fast"}""", 422, "Known: default, tiny")]
    [InlineData("application/json", """{"type":"simulate","payload":{"text":"\ud800"}}""", 400, "Unicode")]
    [InlineData("application/xml", "<task/>", 415, "application/xml")]
    [InlineData("text/plain; charset=utf-16", "x", 415, "utf-16")]
    public async Task Wrong_input_is_answered_with_what_is_wrong_and_enqueues_nothing(string contentType, string body, int status, string expected)
    {
        using ByteArrayContent content = new(Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        await AssertRefusedAsync(content, status, expected);
    }

    [AppHostFact]
    public async Task A_payload_over_the_limit_is_refused_and_enqueues_nothing()
    {
        using StringContent alittle = new(new string('x', (1024 * 1024) + 1));
        await AssertRefusedAsync(alittle, 413, "WorkQueue:MaxPayloadBytes");
        using StringContent alot = new(new string('x', 3 * 1024 * 1024));
        await AssertRefusedAsync(alot, 413, "");
    }

    [AppHostFact]
    public async Task A_payload_in_any_script_counts_its_own_bytes_only()
    {
        using HttpResponseMessage answer = await App.Producer.PostAsync(
            "/tasks", new StringContent($$$"""{"type":"simulate","payload":{"text":"{{{new string('字', 300_000)}}}"}}""", Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        await Eventually.TrueAsync(() => App.Lines("Received 字").Length == 1, "it is received");
    }

    [AppHostFact]
    public async Task A_page_of_another_site_cannot_send_tasks()
    {
        using StringContent content = new("cross");
        using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = content };
        request.Headers.Add("Sec-Fetch-Site", "cross-site");
        using HttpResponseMessage answer = await App.Producer.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [AppHostFact]
    public async Task A_text_that_is_not_UTF_8_is_refused()
    {
        using ByteArrayContent content = new([0x41, 0xff]);
        content.Headers.TryAddWithoutValidation("Content-Type", "text/plain");
        await AssertRefusedAsync(content, 400, "UTF-8");
    }

    [AppHostFact]
    public async Task A_PDF_is_rendered_for_real()
    {
        string file = $"{Guid.NewGuid():N}.pdf";
        using HttpResponseMessage answer = await App.Producer.PostAsJsonAsync("/tasks", new { type = "render-pdf", payload = new { title = "Hello", text = "World", file } });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        await Eventually.TrueAsync(() => App.Lines("(render-pdf) done after").Length > 0, "the PDF is rendered");
        string path = Assert.Single(Directory.GetFiles(System.Output), found => Path.GetFileName(found) == file);
        Assert.Equal("%PDF"u8.ToArray(), (await File.ReadAllBytesAsync(path))[..4]);
    }

    [AppHostFact]
    public async Task A_picture_is_resized_for_real()
    {
        const string dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
        await File.WriteAllBytesAsync(Path.Combine(System.Pictures, "dot.png"), Convert.FromBase64String(dot));
        using HttpResponseMessage answer = await App.Producer.PostAsJsonAsync("/tasks?wait=30s", new { type = "resize-image", payload = new { source = "dot.png", width = 1, format = "webp" } });
        JsonElement task = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("succeeded", Text(task, "state"));
        Assert.Equal("dot.png.1x.inside.webp", Text(task.GetProperty("result"), "file"));
        Assert.True(File.Exists(Path.Combine(System.Output, "dot.png.1x.inside.webp")));
    }

    [AppHostFact]
    public async Task The_rest_of_the_API_answers()
    {
        using HttpResponseMessage unknown = await App.Producer.GetAsync("/tasks/1");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal("application/problem+json", unknown.Content.Headers.ContentType?.MediaType);
        JsonElement api = await App.Producer.GetFromJsonAsync<JsonElement>("/openapi/v1.json");
        Assert.True(api.GetProperty("paths").GetProperty("/tasks").GetProperty("post").GetProperty("requestBody").GetProperty("content").TryGetProperty("text/plain", out _));
        Assert.Equal(HttpStatusCode.OK, (await App.Producer.GetAsync("/alive")).StatusCode);
    }

    [AppHostFact]
    public async Task A_failed_task_is_a_dead_letter_with_its_error_and_runs_again_when_it_is_redriven()
    {
        using HttpResponseMessage sent = await App.SendAsync("fail to order");
        string id = (await sent.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
        JsonElement letter = await LetterAsync(id);
        Assert.Equal(("default", "simulate", 2, 0), (Text(letter, "queue"), Text(letter, "type"), letter.GetProperty("attempt").GetInt32(), letter.GetProperty("redriven").GetInt32()));
        Assert.Equal(("failed 2 of 2 attempts", "fail to order"), (Text(letter, "reason"), Text(letter, "text")));
        Assert.Contains("starts with", Text(letter, "error"), StringComparison.Ordinal);

        using HttpResponseMessage redriven = await App.Producer.PostAsJsonAsync("/dead-letters/redrive", new { ids = new[] { id } });
        Assert.Equal(1, (await redriven.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("count").GetInt32());
        await Eventually.TrueAsync(() => App.Lines("Received fail to order").Length == 4, "two more attempts");
        Assert.Equal(1, (await LetterAsync(id)).GetProperty("redriven").GetInt32());

        using HttpResponseMessage discarded = await App.Producer.PostAsJsonAsync("/dead-letters/discard", new { ids = new[] { id } });
        Assert.Equal(1, (await discarded.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("count").GetInt32());
        using HttpResponseMessage everything = await App.Producer.PostAsJsonAsync("/dead-letters/discard", new { });
        Assert.Equal(HttpStatusCode.BadRequest, everything.StatusCode);
    }

    [AppHostFact]
    public async Task A_full_queue_is_429_and_the_queues_are_shown()
    {
        using HttpResponseMessage first = await App.Producer.PostAsJsonAsync("/tasks", new { type = "simulate", payload = new { text = "x" }, queue = "tiny" });
        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        JsonElement tiny = default;
        await Eventually.TrueAsync(
            async () => (tiny = (await ItemsAsync("/queues")).Single(queue => Text(queue, "name") == "tiny")).GetProperty("ready").GetInt64() == 1, "the task is counted");
        Assert.Equal(0, tiny.GetProperty("consumers").GetInt32());
        using HttpResponseMessage second = await App.Producer.PostAsJsonAsync("/tasks", new { type = "simulate", payload = new { text = "x" }, queue = "tiny" });
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.True(second.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal(2, (await ItemsAsync("/queues")).Single(queue => Text(queue, "name") == "default").GetProperty("consumers").GetInt32());
        // From RabbitMQ's management API, which counts every five seconds.
        await Eventually.TrueAsync(
            async () => (await ItemsAsync("/queues")).Single(queue => Text(queue, "name") == "default").GetProperty("unacknowledged").ValueKind == JsonValueKind.Number, "unacknowledged is known");
    }

    [AppHostFact]
    public async Task The_same_idempotency_key_gives_the_same_task_id()
    {
        string key = Guid.NewGuid().ToString();
        string[] ids = [await SendAsync(key), await SendAsync(key), await SendAsync(key + "x")];
        Assert.Equal(ids[0], ids[1]);
        Assert.NotEqual(ids[0], ids[2]);

        async Task<string> SendAsync(string idempotencyKey)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = new StringContent("once") };
            request.Headers.Add("Idempotency-Key", idempotencyKey);
            using HttpResponseMessage answer = await App.Producer.SendAsync(request);
            return Text(await answer.Content.ReadFromJsonAsync<JsonElement>(), "id");
        }
    }

    private async Task<JsonElement[]> RunAsync(params string[] texts)
    {
        List<string> ids = [];
        foreach (string text in texts)
        {
            using HttpResponseMessage answer = await App.SendAsync(text);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            JsonElement task = await answer.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal(("queued", $"/tasks/{Text(task, "id")}"), (Text(task, "state"), answer.Headers.Location?.ToString()));
            ids.Add(Text(task, "id"));
        }

        JsonElement[] done = [];
        await Eventually.TrueAsync(
            async () => (done = await Task.WhenAll(ids.Select(id => App.Producer.GetFromJsonAsync<JsonElement>($"/tasks/{id}")))).All(task => Text(task, "state") == "succeeded"), "all are done");
        return done;
    }

    private async Task<long> ConfirmedAsync() => (await App.Producer.GetFromJsonAsync<JsonElement>("/stats")).GetProperty("counts").GetProperty("confirmed").GetInt64();

    private async Task<JsonElement> LetterAsync(string id)
    {
        JsonElement[] found = [];
        await Eventually.TrueAsync(
            async () => (found = [.. (await ItemsAsync("/dead-letters?queue=default")).Where(letter => Text(letter, "id") == id)]).Length == 1, "the dead letter");
        return found[0];
    }

    private async Task<JsonElement[]> ItemsAsync(string path) =>
        [.. (await App.Producer.GetFromJsonAsync<JsonElement>(path)).GetProperty("items").EnumerateArray()];

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;

    private async Task AssertRefusedAsync(HttpContent content, int status, string expected)
    {
        await using IConnection broker = await new ConnectionFactory { Uri = new Uri(await App.BrokerAsync()) }.CreateConnectionAsync();
        await using IChannel channel = await broker.CreateChannelAsync();
        (long Confirmed, uint Dead) before = (await ConfirmedAsync(), await channel.MessageCountAsync("wq.default.dead"));
        using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = content };
        // A body that is refused by its length is not read; who sends it all the same may lose the answer.
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage answer = await App.Producer.SendAsync(request);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains(expected, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString(), StringComparison.Ordinal);

        Assert.Equal(0u, await channel.MessageCountAsync("wq.default"));
        Assert.Equal(before, (await ConfirmedAsync(), await channel.MessageCountAsync("wq.default.dead")));
    }
}
