using System.Net;
using System.Text;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>Chains over HTTP and on the board.</summary>
public sealed class ChainApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Theory]
    [InlineData("/tasks", "application/json")]
    [InlineData("/tasks/batch", "application/x-ndjson")]
    public async Task What_comes_after_a_task_is_enqueued_with_it(string path, string contentType)
    {
        string body = """{"type":"simulate","payload":{"text":"a"},"then":[{"type":"render-pdf","payload":{"title":"é"},"queue":"default","delay":"00:00:05"},{"type":"simulate","payload":"c"}]}""";
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync(path, body, contentType)).Status);
        NewTask task = Assert.Single(_api.Broker.Enqueued);
        Assert.Equal(["render-pdf", "simulate"], task.Then.Select(step => step.Type));
        Assert.Equal(("default", TimeSpan.FromSeconds(5), """{"title":"é"}"""), (task.Then[0].Queue, task.Then[0].Delay, Encoding.UTF8.GetString(task.Then[0].Body.Span)));
    }

    [Theory]
    [InlineData("""[{"type":"simulate"}]""", "payload")]
    [InlineData("""[{"type":"simulate","payload":1,"dealy":"00:00:05"}]""", "dealy")]
    [InlineData("""[{"type":"simulate","payload":1,"notBefore":"2027-01-01T00:00:00Z"}]""", "notBefore")]
    [InlineData("""[{"type":"simulate","payload":1},null]""", "then[1] is null")]
    [InlineData("""[{"type":"simulate","payload":"\ud800"}]""", "then[0].payload is not valid Unicode")]
    [InlineData("""[{"type":"simulate","payload":1,"delay":"-00:00:05"}]""", "then[0].delay is '-00:00:05'")]
    [InlineData("""{"type":"simulate"}""", "then")]
    public async Task A_malformed_chain_is_400_and_named(string then, string detail)
    {
        (HttpStatusCode status, JsonElement problem) = await _api.PostAsync("/tasks", $$"""{"type":"simulate","payload":{},"then":{{then}}}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Fact]
    public async Task A_key_that_was_used_for_another_chain_is_422()
    {
        const string One = """{"type":"simulate","payload":{},"then":[{"type":"simulate","payload":1}]}""";
        Assert.Equal(HttpStatusCode.Accepted, await SendAsync(One));
        Assert.Equal(HttpStatusCode.Accepted, await SendAsync(One));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await SendAsync(One.Replace(":1}", ":2}", StringComparison.Ordinal)));
        Assert.Single(_api.Broker.Enqueued);

        async Task<HttpStatusCode> SendAsync(string body)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.Add("Idempotency-Key", "chain");
            using HttpResponseMessage answer = await _api.Http.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task A_task_shows_the_places_ids_types_and_states_of_its_chain()
    {
        TaskChain chain = await RecordChainAsync();
        (_, JsonElement task) = await _api.GetAsync($"/tasks/{chain.IdOf(1)}");
        JsonElement shown = task.GetProperty("chain");
        Assert.Equal((chain.First, 1), (shown.GetProperty("first").GetString(), shown.GetProperty("place").GetInt32()));
        Assert.Equal(
            [(0, chain.First, "simulate", "succeeded"), (1, chain.IdOf(1), "simulate", "deadLettered"), (2, chain.IdOf(2), "mail", null), (3, chain.IdOf(3), "mail", null)],
            shown.GetProperty("steps").EnumerateArray().Select(step => (step.GetProperty("place").GetInt32(), step.GetProperty("id").GetString(), step.GetProperty("type").GetString(), step.GetProperty("state").GetString())));
        await _api.RecordAsync(_api.Records.Queued("alone"));
        Assert.Equal(JsonValueKind.Null, (await _api.GetAsync("/tasks/alone")).Json.GetProperty("chain").ValueKind);
    }

    [Fact]
    public async Task The_page_of_a_task_links_the_others_of_its_chain()
    {
        TaskChain chain = await RecordChainAsync();
        string page = await _api.Http.GetStringAsync($"/board/tasks/{chain.IdOf(1)}");
        Assert.Contains($"tasks/{chain.First}\"", page, StringComparison.Ordinal);
        Assert.Contains("not yet", page, StringComparison.Ordinal);
        Assert.DoesNotContain($"tasks/{chain.IdOf(2)}\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("&quot;then&quot;", page, StringComparison.Ordinal);
        Assert.Contains("&quot;then&quot;:[{&quot;type&quot;:&quot;simulate&quot;", await _api.Http.GetStringAsync($"/board/tasks/{chain.First}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_chain_is_shown_around_the_task()
    {
        TaskChain chain = new() { First = "long", Place = 0 };
        await _api.RecordAsync(_api.Records.Queued(chain.IdOf(500)) with { Chain = chain with { Place = 500 }, Then = [.. Enumerable.Repeat(Step("mail"), 499)] });
        string page = await _api.Http.GetStringAsync($"/board/tasks/{chain.IdOf(500)}");
        Assert.Contains("495 tasks before", page, StringComparison.Ordinal);
        Assert.Contains("485 tasks after", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dead_task_that_is_run_again_goes_on_with_its_chain_and_one_that_succeeded_does_not()
    {
        TaskChain chain = await RecordChainAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync($"/tasks/{chain.IdOf(1)}/run-again", """{"payload":{"n":2}}""")).Status);
        NewTask again = Assert.Single(_api.Broker.Enqueued);
        Assert.Equal((chain.First, 1, 2, "[1]"), (again.Chain!.First, again.Chain.Place, again.Then.Count, $"[{string.Join(',', again.Chain.Previous)}]"));
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync($"/tasks/{chain.First}/run-again")).Status);
        Assert.Equal((null, 0), (_api.Broker.Enqueued[^1].Chain, _api.Broker.Enqueued[^1].Then.Count));
    }

    [Fact]
    public async Task Where_the_history_keeps_no_payloads_a_task_of_a_chain_is_not_run_again_without_its_rest()
    {
        await using ApiHost api = await ApiHost.StartAsync("--WorkQueue:HistoryPayloads=false");
        TaskChain chain = new() { First = "a", Place = 0 };
        await api.RecordAsync(api.Records.Queued("a") with { Body = default, Chain = chain, Then = [Step("mail")] }, api.Records.Cancelled("a") with { Chain = chain });
        (HttpStatusCode status, JsonElement problem) = await api.PostAsync("/tasks/a/run-again", """{"payload":{}}""");
        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains("is part of a chain", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(api.Broker.Enqueued);
        Assert.Equal(["simulate", "mail"], (await api.GetAsync("/tasks/a")).Json.GetProperty("chain").GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("type").GetString()));
    }

    private async Task<TaskChain> RecordChainAsync()
    {
        TaskChain chain = new() { First = Guid.CreateVersion7().ToString(), Place = 0 };
        TaskChain second = chain with { Place = 1, Previous = [JsonElement.Parse("1")] };
        NewTask[] mails = [Step("mail"), Step("mail")];
        await _api.RecordAsync(
            _api.Records.Queued(chain.First) with { Chain = chain, Then = [Step("simulate"), .. mails] },
            _api.Records.Queued(chain.IdOf(1)) with { Chain = second, Then = mails },
            _api.Records.Succeeded(chain.First) with { Chain = chain },
            _api.Records.Dead(chain.IdOf(1)) with { Body = "{}"u8.ToArray(), ContentType = "application/json", Chain = second, Then = mails });
        return chain;
    }

    private static NewTask Step(string type) => new() { Type = type, Body = "{}"u8.ToArray(), ContentType = "application/json" };
}
