using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Board;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

public sealed class TaskBatchApiTests : IAsyncLifetime
{
    private const string Line = """{"type":"simulate","payload":"a"}""";

    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public Task DisposeAsync() => _api.DisposeAsync().AsTask();

    [Fact]
    public async Task A_batch_is_enqueued_at_once_and_what_follows_it_runs()
    {
        (HttpStatusCode status, JsonElement made) = await PostAsync("/batches", """{"batch":{"name":"some","onSuccess":{"type":"simulate","payload":"s","delay":"00:00:01"},"onComplete":{"type":"simulate","payload":"c"}}}""", Line, "", Line);
        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal(("some", "running", 2, 2), (made.GetProperty("name").GetString(), made.GetProperty("state").GetString(), made.GetProperty("total").GetInt32(), made.GetProperty("pending").GetInt32()));
        string id = made.GetProperty("id").GetString()!;
        await _api.Queue.AdvanceAsync(TimeSpan.FromSeconds(2));
        (_, JsonElement ended) = await _api.GetAsync($"/batches/{id}");
        Assert.Equal(("succeeded", 2), (ended.GetProperty("state").GetString(), ended.GetProperty("succeeded").GetInt32()));
        Assert.Equal(TaskState.Succeeded, _api.Queue[ended.GetProperty("onSuccess").GetString()!].State);
        Assert.Equal(TaskState.Succeeded, _api.Queue[ended.GetProperty("onComplete").GetString()!].State);
        (_, JsonElement list) = await _api.GetAsync("/batches");
        Assert.Equal(1, list.GetProperty("items").GetArrayLength());
        using HttpResponseMessage cancel = await _api.Http.DeleteAsync($"/batches/{id}");
        Assert.Equal(HttpStatusCode.Conflict, cancel.StatusCode);
    }

    [Fact]
    public async Task An_open_one_is_added_to_closed_and_cancelled()
    {
        (_, JsonElement made) = await PostAsync("/batches", """{"batch":{"open":true}}""");
        string id = made.GetProperty("id").GetString()!;
        Assert.Equal("open", made.GetProperty("state").GetString());
        (HttpStatusCode status, JsonElement added) = await PostAsync($"/batches/{id}/tasks?key=k", Line, Line);
        Assert.Equal((HttpStatusCode.Accepted, 2, 0), (status, added.GetProperty("accepted").GetInt32(), added.GetProperty("rejected").GetArrayLength()));
        Assert.Equal(TaskBatch.IdOf(id, 1), added.GetProperty("ids")[1].GetString());
        (_, JsonElement again) = await PostAsync($"/batches/{id}/tasks?key=k", Line, Line);
        Assert.Equal(added.GetProperty("ids").GetRawText(), again.GetProperty("ids").GetRawText());
        (_, JsonElement closed) = await _api.PostAsync($"/batches/{id}/close");
        Assert.Equal(("running", 2), (closed.GetProperty("state").GetString(), closed.GetProperty("total").GetInt32()));
        (_, JsonElement members) = await _api.GetAsync($"/batches/{id}/members?state=pending");
        Assert.Equal([0, 1], members.GetProperty("items").EnumerateArray().Select(member => member.GetProperty("number").GetInt32()));
        using HttpResponseMessage cancelled = await _api.Http.DeleteAsync($"/batches/{id}");
        Assert.Equal(HttpStatusCode.OK, cancelled.StatusCode);
        Assert.Equal("cancelled", (await _api.GetAsync($"/batches/{id}")).Json.GetProperty("state").GetString());
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync($"/batches/{id}/tasks", Line)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await _api.PostAsync($"/batches/{id}/close")).Status);
    }

    [Fact]
    public async Task A_member_names_its_batch_and_its_page_links_to_it()
    {
        string batch = Guid.CreateVersion7().ToString();
        await _api.RecordAsync(_api.Records.Queued("member") with { Batch = new BatchMember(batch, 7) }, _api.Records.Running("member"), _api.Records.Queued("alone"));
        JsonElement named = (await _api.GetAsync("/tasks/member")).Json.GetProperty("batch");
        Assert.Equal((batch, 7), (named.GetProperty("id").GetString(), named.GetProperty("number").GetInt32()));
        Assert.Equal(JsonValueKind.Null, (await _api.GetAsync("/tasks/alone")).Json.GetProperty("batch").ValueKind);
        Assert.Contains($"""<a href="batches#b-{batch}"><code>{batch}</code></a>, #7""", await _api.Http.GetStringAsync("/board/tasks/member"), StringComparison.Ordinal);
        Assert.DoesNotContain("batches#b-", await _api.Http.GetStringAsync("/board/tasks/alone"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, "Line 2:", """{"batch":{}}""", "{")]
    [InlineData(400, "Line 1:", """{"batch":{"nmae":"x"}}""", Line)]
    [InlineData(400, "Line 3:", Line, Line, """{"type":"simulate"}""")]
    [InlineData(422, "Line 2: No task type 'unheard-of'", Line, """{"type":"unheard-of","payload":1}""")]
    [InlineData(422, "Line 3: No queue 'none'", """{"batch":{}}""", Line, """{"type":"simulate","payload":1,"queue":"none"}""")]
    [InlineData(400, "Line 1: A member of a batch has no tasks after it", """{"type":"simulate","payload":1,"then":[{"type":"simulate","payload":1}]}""")]
    [InlineData(422, "onSuccess: No task type 'unheard-of'", """{"batch":{"onSuccess":{"type":"unheard-of","payload":1}}}""", Line)]
    [InlineData(400, "no id of a batch", """{"batch":{"id":"x"}}""", Line)]
    public async Task A_line_that_cannot_be_is_named_and_nothing_is_enqueued(int status, string detail, params string[] lines)
    {
        (HttpStatusCode refused, JsonElement problem) = await PostAsync("/batches", lines);
        Assert.Equal(status, (int)refused);
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, (await _api.GetAsync("/batches")).Json.GetProperty("items").GetArrayLength());
        Assert.Empty(_api.Queue.Tasks);
    }

    [Fact]
    public async Task What_is_not_there_is_404_and_what_is_no_body_of_lines_415_or_400()
    {
        string none = Guid.CreateVersion7().ToString();
        Assert.Equal(HttpStatusCode.NotFound, (await _api.GetAsync($"/batches/{none}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await _api.GetAsync($"/batches/{none}/members")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await _api.PostAsync($"/batches/{none}/close")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync($"/batches/{none}/tasks", Line)).Status);
        using HttpResponseMessage cancel = await _api.Http.DeleteAsync($"/batches/{none}");
        Assert.Equal(HttpStatusCode.NotFound, cancel.StatusCode);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await _api.PostAsync("/batches", Line)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync("/batches", "")).Status);
        (_, JsonElement made) = await PostAsync("/batches", Line);
        Assert.Equal(HttpStatusCode.BadRequest, (await _api.GetAsync($"/batches/{made.GetProperty("id").GetString()}/members?state=odd")).Status);
    }

    [Fact]
    public async Task Where_no_program_leads_it_is_503()
    {
        await using ApiHost api = await ApiHost.StartMappedAsync(
            "Development", app => { app.MapTaskApi(); app.MapTaskBoard(); }, services => services.AddSingleton<ITaskBatches>(new Away()));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/batches")).Status);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.PostAsync("/batches", Line, "application/x-ndjson")).Status);
        using HttpResponseMessage page = await api.Http.GetAsync("/board/batches");
        Assert.Contains("nobody leads", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_board_shows_them_and_cancels()
    {
        (_, JsonElement made) = await PostAsync("/batches", """{"batch":{"name":"the <b>","open":true,"onComplete":{"type":"simulate","payload":1}}}""", Line);
        using HttpResponseMessage page = await _api.Http.GetAsync("/board/batches");
        string html = await page.Content.ReadAsStringAsync();
        Assert.Contains("the &lt;b&gt;", html, StringComparison.Ordinal);
        Assert.Contains("aria-label=\"1 pending\"", html, StringComparison.Ordinal);
        Assert.Contains(made.GetProperty("id").GetString()!, html, StringComparison.Ordinal);
        Assert.Contains("Cancel", html, StringComparison.Ordinal);
    }

    private Task<(HttpStatusCode Status, JsonElement Json)> PostAsync(string path, params string[] lines) => _api.PostAsync(path, string.Join('\n', lines), "application/x-ndjson");

    private sealed class Away : ITaskBatches
    {
        public Task<TaskBatch> EnqueueAsync(IReadOnlyList<NewTask> tasks, BatchOptions? options = null, CancellationToken cancellationToken = default) => Task.FromException<TaskBatch>(Nobody);

        public Task<TaskBatch> OpenAsync(BatchOptions? options = null, CancellationToken cancellationToken = default) => Task.FromException<TaskBatch>(Nobody);

        public Task<IReadOnlyList<EnqueueResult>> AddAsync(string id, IReadOnlyList<NewTask> tasks, string? key = null, CancellationToken cancellationToken = default) => Task.FromException<IReadOnlyList<EnqueueResult>>(Nobody);

        public Task<TaskBatch> CloseAsync(string id, CancellationToken cancellationToken = default) => Task.FromException<TaskBatch>(Nobody);

        public Task<TaskBatch?> FindAsync(string id, CancellationToken cancellationToken = default) => Task.FromException<TaskBatch?>(Nobody);

        public Task<IReadOnlyList<TaskBatch>> ListAsync(CancellationToken cancellationToken = default) => Task.FromException<IReadOnlyList<TaskBatch>>(Nobody);

        public Task<IReadOnlyList<BatchMember>> MembersAsync(string id, TaskState state, int limit = 100, CancellationToken cancellationToken = default) => Task.FromException<IReadOnlyList<BatchMember>>(Nobody);

        public Task<TaskBatch> CancelAsync(string id, CancellationToken cancellationToken = default) => Task.FromException<TaskBatch>(Nobody);

        private static Exception Nobody => new BrokerUnavailableException("nobody leads");
    }
}
