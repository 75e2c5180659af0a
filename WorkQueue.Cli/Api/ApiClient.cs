using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Api;

/// <summary>The calls of the producer's HTTP API.</summary>
internal sealed class ApiClient(ApiConnection connection) : IDisposable
{
    public const int MaxPage = 500;

    /// <summary>Enqueues a text.</summary>
    public Task<TaskAccepted> SendAsync(string text, string? idempotencyKey, CancellationToken cancellationToken) =>
        SendAsync(new StringContent(text), idempotencyKey, cancellationToken);

    /// <summary>Enqueues a task.</summary>
    public Task<TaskAccepted> SendAsync(NewTask task, string? idempotencyKey, CancellationToken cancellationToken) =>
        SendAsync(Json(task), idempotencyKey, cancellationToken);

    /// <summary>Enqueues a task a line.</summary>
    public Task<BatchAnswer> SendBatchAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken) =>
        CallAsync<BatchAnswer>(HttpMethod.Post, "tasks/batch", Lines(lines), cancellationToken);

    public Task<Answer<Page<TaskRow>>> ListTasksAsync(Query query, CancellationToken cancellationToken) =>
        GetAsync<Page<TaskRow>>($"tasks{query}", cancellationToken);

    public Task<Answer<TaskDetail>> GetTaskAsync(string id, CancellationToken cancellationToken) => GetAsync<TaskDetail>(Task(id), cancellationToken);

    public Task<TaskAccepted> CancelAsync(string id, CancellationToken cancellationToken) =>
        CallAsync<TaskAccepted>(HttpMethod.Post, $"{Task(id)}/cancel", null, cancellationToken);

    public Task<TaskAccepted> RunAgainAsync(string id, JsonElement? payload, CancellationToken cancellationToken) =>
        CallAsync<TaskAccepted>(HttpMethod.Post, $"{Task(id)}/run-again", payload is { } edited ? Json(new { payload = edited }) : null, cancellationToken);

    public async Task<QueueList> ListQueuesAsync(CancellationToken cancellationToken) => (await GetAsync<QueueList>("queues", cancellationToken)).Value;

    public Task<QueueSwitch> PauseAsync(string queue, CancellationToken cancellationToken) =>
        CallAsync<QueueSwitch>(HttpMethod.Post, $"queues/{Uri.EscapeDataString(queue)}/pause", null, cancellationToken);

    public Task<QueueSwitch> ResumeAsync(string queue, CancellationToken cancellationToken) =>
        CallAsync<QueueSwitch>(HttpMethod.Post, $"queues/{Uri.EscapeDataString(queue)}/resume", null, cancellationToken);

    public async Task<Page<ScheduleRow>> ListSchedulesAsync(CancellationToken cancellationToken) => (await GetAsync<Page<ScheduleRow>>("schedules", cancellationToken)).Value;

    public Task<ScheduleRow> PutScheduleAsync(string name, NewSchedule schedule, CancellationToken cancellationToken) =>
        CallAsync<ScheduleRow>(HttpMethod.Put, Schedule(name), Json(schedule), cancellationToken);

    public Task<ScheduleRemoved> RemoveScheduleAsync(string name, CancellationToken cancellationToken) => CallAsync<ScheduleRemoved>(HttpMethod.Delete, Schedule(name), null, cancellationToken);

    public Task<TaskAccepted> RunScheduleAsync(string name, CancellationToken cancellationToken) => CallAsync<TaskAccepted>(HttpMethod.Post, $"{Schedule(name)}/run", null, cancellationToken);

    /// <summary>Pauses or resumes.</summary>
    public Task<ScheduleRow> SwitchScheduleAsync(string name, string verb, CancellationToken cancellationToken) =>
        CallAsync<ScheduleRow>(HttpMethod.Post, $"{Schedule(name)}/{verb}", null, cancellationToken);

    public async Task<Page<BatchRow>> ListBatchesAsync(CancellationToken cancellationToken) => (await GetAsync<Page<BatchRow>>("batches", cancellationToken)).Value;

    public async Task<BatchRow> GetBatchAsync(string id, CancellationToken cancellationToken) => (await GetAsync<BatchRow>(Batch(id), cancellationToken)).Value;

    public async Task<Page<BatchMemberRow>> ListBatchMembersAsync(string id, string state, CancellationToken cancellationToken) =>
        (await GetAsync<Page<BatchMemberRow>>($"{Batch(id)}/members{new Query().Add("state", state)}", cancellationToken)).Value;

    /// <summary>Enqueues a batch, a task a line.</summary>
    public Task<BatchRow> EnqueueBatchAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken) =>
        CallAsync<BatchRow>(HttpMethod.Post, "batches", Lines(lines), cancellationToken, takesLong: true);

    /// <summary>Adds a task a line to a batch.</summary>
    public Task<BatchAnswer> AddToBatchAsync(string id, ReadOnlyMemory<byte> lines, string? key, CancellationToken cancellationToken) =>
        CallAsync<BatchAnswer>(HttpMethod.Post, $"{Batch(id)}/tasks{new Query().Add("key", key)}", Lines(lines), cancellationToken, takesLong: true);

    public Task<BatchRow> CloseBatchAsync(string id, CancellationToken cancellationToken) => CallAsync<BatchRow>(HttpMethod.Post, $"{Batch(id)}/close", null, cancellationToken);

    public Task<BatchRow> CancelBatchAsync(string id, CancellationToken cancellationToken) => CallAsync<BatchRow>(HttpMethod.Delete, Batch(id), null, cancellationToken);

    public async Task<DeadLetterPage> ListDeadLettersAsync(Query query, CancellationToken cancellationToken) =>
        (await GetAsync<DeadLetterPage>($"dead-letters{query}", cancellationToken)).Value;

    public Task<Moved> RedriveAsync(DeadLetterSelection which, CancellationToken cancellationToken) => MoveAsync("redrive", which, cancellationToken);

    public Task<Moved> DiscardAsync(DeadLetterSelection which, CancellationToken cancellationToken) => MoveAsync("discard", which, cancellationToken);

    public async Task<Page<WorkerRow>> ListWorkersAsync(CancellationToken cancellationToken) => (await GetAsync<Page<WorkerRow>>("workers", cancellationToken)).Value;

    /// <summary>Publishes an event.</summary>
    public Task<EventPublished> EmitAsync(string topic, JsonElement payload, CancellationToken cancellationToken) =>
        CallAsync<EventPublished>(HttpMethod.Post, "events", Json(new { topic, payload }), cancellationToken);

    /// <summary>Opens the stream of events after the one with the given id.</summary>
    public async Task<HttpResponseMessage> OpenEventsAsync(IEnumerable<string> patterns, string? lastEventId, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"events{new Query().AddAll("topic", patterns)}");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (!string.IsNullOrEmpty(lastEventId))
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        return await connection.OpenAsync(request, cancellationToken);
    }

    public void Dispose() => connection.Dispose();

    private async Task<TaskAccepted> SendAsync(HttpContent content, string? idempotencyKey, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "tasks") { Content = content };
        if (idempotencyKey is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        }

        return (await connection.CallAsync<TaskAccepted>(request, cancellationToken)).Value;
    }

    // Redriving takes as long as it takes: with a rate it may be hours.
    private async Task<Moved> MoveAsync(string verb, DeadLetterSelection which, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, $"dead-letters/{verb}") { Content = Json(which) };
        return (await connection.CallAsync<Moved>(request, cancellationToken, takesLong: true)).Value;
    }

    private async Task<Answer<T>> GetAsync<T>(string path, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        return await connection.CallAsync<T>(request, cancellationToken);
    }

    private async Task<T> CallAsync<T>(HttpMethod method, string path, HttpContent? content, CancellationToken cancellationToken, bool takesLong = false)
    {
        using HttpRequestMessage request = new(method, path) { Content = content };
        return (await connection.CallAsync<T>(request, cancellationToken, takesLong)).Value;
    }

    private static ReadOnlyMemoryContent Lines(ReadOnlyMemory<byte> lines)
    {
        ReadOnlyMemoryContent content = new(lines);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        return content;
    }

    private static JsonContent Json<T>(T value) => JsonContent.Create(value, options: WireJson.Options);

    private static string Batch(string id) => $"batches/{Uri.EscapeDataString(id)}";

    private static string Schedule(string name) => $"schedules/{Uri.EscapeDataString(name)}";

    private static string Task(string id) => $"tasks/{Uri.EscapeDataString(id)}";
}
