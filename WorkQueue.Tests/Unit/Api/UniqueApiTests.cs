using System.Net;
using System.Text;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>Tasks with keys over HTTP.</summary>
public sealed class UniqueApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Theory]
    [InlineData("{}", null, null, UniqueRule.Skip, null)]
    [InlineData("""{"key":"order-17","for":"pending","then":"skip"}""", "order-17", null, UniqueRule.Skip, null)]
    [InlineData("""{"for":"00:10:00"}""", null, "00:10:00", UniqueRule.Skip, null)]
    [InlineData("""{"key":"é","then":"replace"}""", "é", null, UniqueRule.Replace, null)]
    [InlineData("""{"then":"debounce","limit":"00:01:00"}""", null, null, UniqueRule.Debounce, "00:01:00")]
    public async Task A_key_is_given_with_the_task(string unique, string? key, string? time, UniqueRule then, string? limit)
    {
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync("/tasks", Body(unique))).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync("/tasks/batch", Body(unique), "application/x-ndjson")).Status);
        UniqueOptions expected = new() { Key = key, For = Time(time), Then = then, Limit = Time(limit) };
        Assert.Equal([expected, expected], _api.Broker.Enqueued.Select(task => task.Unique!));
    }

    [Theory]
    [InlineData("""{"for":"ever"}""", "unique.for is 'ever'")]
    [InlineData("""{"then":"wait"}""", "unique.then is 'wait'; it is skip, replace or debounce")]
    [InlineData("""{"kye":"a"}""", "kye")]
    [InlineData("""{"key":""}""", "unique.key has 1 to 255 bytes")]
    [InlineData("""{"then":"debounce"}""", "unique.then is debounce, and the task has no delay")]
    [InlineData("""{"then":"replace","for":"00:10:00"}""", "unique.then is replace")]
    [InlineData("\"key\"", "unique")]
    public async Task A_key_that_cannot_be_is_400_and_named(string unique, string detail)
    {
        (HttpStatusCode status, JsonElement problem) = await _api.PostAsync("/tasks", Body(unique).Replace(",\"delay\":\"00:00:05\"", "", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task A_task_that_was_there_before_is_told_as_existing()
    {
        _api.Broker.Holder = "held";
        (HttpStatusCode status, JsonElement answer) = await _api.PostAsync("/tasks", Body("{}"));
        Assert.Equal((HttpStatusCode.Accepted, """{"id":"held","state":"queued","existing":true}"""), (status, answer.GetRawText()));
        _api.Broker.Holder = null;
        Assert.False((await _api.PostAsync("/tasks", Body("{}"))).Json.TryGetProperty("existing", out _));
    }

    [Fact]
    public async Task A_key_goes_with_neither_an_Idempotency_Key_nor_a_wait()
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = new StringContent(Body("{}"), Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", "k");
        using HttpResponseMessage answer = await _api.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("Idempotency-Key", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await _api.PostAsync("/tasks?wait=1s", Body("{}"))).Status);
        Assert.Empty(_api.Broker.Enqueued);
    }

    private static string Body(string unique) => $$"""{"type":"simulate","payload":{"text":"a"},"delay":"00:00:05","unique":{{unique}}}""";

    private static TimeSpan? Time(string? text) => text is null ? null : TimeSpan.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
