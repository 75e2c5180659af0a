using System.Net;
using System.Text.Json;
using WorkQueue.Messaging;
using WorkQueue.Producer;
using WorkQueue.Producer.Board;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>Dead letters of large payloads and of one id; ids and faults in all calls.</summary>
public sealed class LetterApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task A_list_leaves_out_a_large_payload_and_says_where_it_is_whole()
    {
        _api.Broker.Letters.Add(Letter("a/b", new string('x', DeadLetterView.MaxPayloadBytes + 1)));
        JsonElement listed = Assert.Single((await _api.GetAsync("/dead-letters")).Json.GetProperty("items").EnumerateArray());
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (listed.GetProperty("payload").ValueKind, listed.GetProperty("text").ValueKind));
        Assert.Contains("GET /dead-letters?id=a%2Fb ", listed.GetProperty("payloadNote").GetString(), StringComparison.Ordinal);
        JsonElement whole = Assert.Single((await _api.GetAsync("/dead-letters?id=a%2Fb")).Json.GetProperty("items").EnumerateArray());
        Assert.Equal((DeadLetterView.MaxPayloadBytes + 1, JsonValueKind.Null), (whole.GetProperty("text").GetString()!.Length, whole.GetProperty("payloadNote").ValueKind));
        Assert.Equal(HttpStatusCode.BadRequest, (await _api.GetAsync("/dead-letters?id=a&limit=11")).Status);
    }

    [Fact]
    public async Task The_board_shows_the_whole_payload_of_one_letter()
    {
        string text = new('x', DeadLetterView.MaxPayloadBytes + 1);
        _api.Broker.Letters.Add(Letter("a", text));
        string list = await _api.Http.GetStringAsync("/board/dead-letters?queue=default");
        Assert.DoesNotContain(text, list, StringComparison.Ordinal);
        Assert.Contains("/board/dead-letters?id=a&amp;queue=default", list, StringComparison.Ordinal);
        Assert.Contains(text, await _api.Http.GetStringAsync("/board/dead-letters?id=a&queue=default"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redriving_ids_is_not_limited_to_one_letter_an_id()
    {
        await _api.PostAsync("/dead-letters/redrive", """{"ids":["a"]}""");
        Assert.True(Assert.Single(_api.Broker.Redriven).Limit > 1);
    }

    [Fact]
    public async Task A_task_of_several_letters_runs_again_and_loses_none_of_them()
    {
        _api.Broker.Letters.AddRange([Letter("a", "one"), Letter("a", "two")]);
        await _api.RecordAsync(_api.Records.Dead("a") with { Body = "{}"u8.ToArray(), ContentType = "application/json" });
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync("/tasks/a/run-again")).Status);
        Assert.Single(_api.Broker.Enqueued);
        Assert.Empty(_api.Broker.Discarded);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a%2Fb")]
    [InlineData("a%252fb")]
    [InlineData("/")]
    [InlineData("ü/+ ?#&%")]
    [InlineData("a/../b")]
    public async Task An_id_may_be_any_text_in_every_call_and_on_every_page(string id)
    {
        string path = $"/tasks/{Uri.EscapeDataString(id)}";
        await _api.RecordAsync(_api.Records.Queued(id));
        Assert.Equal(id, (await _api.GetAsync(path)).Json.GetProperty("id").GetString());
        using HttpResponseMessage cancelled = await _api.Http.PostAsync($"{path}/cancel", null);
        Assert.Equal((HttpStatusCode.Accepted, path), (cancelled.StatusCode, cancelled.Headers.Location?.OriginalString));
        Assert.Equal(id, Assert.Single(_api.Broker.Cancelled).Id);
        await _api.RecordAsync(_api.Records.Dead(id) with { Body = "{}"u8.ToArray(), ContentType = "application/json" });
        Assert.Equal(HttpStatusCode.Accepted, (await _api.PostAsync($"{path}/run-again")).Status);
        Assert.Equal(id, Assert.Single(_api.Broker.Enqueued).RunOf);
        string shown = WebUtility.HtmlEncode(id).Replace("&#252;", "&#xFC;", StringComparison.Ordinal).Replace("+", "&#x2B;", StringComparison.Ordinal);
        Assert.Contains($"<code id=\"task-id\">{shown}</code>", await _api.Http.GetStringAsync($"/board{path}"), StringComparison.Ordinal);
        string list = WebUtility.HtmlDecode(await _api.Http.GetStringAsync($"/board/tasks?q={Uri.EscapeDataString(id)}"));
        string link = list[list.IndexOf("href=\"/board/tasks/", StringComparison.Ordinal)..].Split('"')[1];
        Assert.Equal(BoardUrl.Task(id), link);
        Assert.Contains($"<code id=\"task-id\">{shown}</code>", await _api.Http.GetStringAsync(link), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*/*")]
    [InlineData("text/html")]
    public async Task A_fault_of_the_program_tells_its_trace_id_and_nothing_of_the_error(string accepts)
    {
        _api.Broker.OnEnqueued = _ => throw new InvalidOperationException("a secret");
        _api.Http.DefaultRequestHeaders.Accept.ParseAdd(accepts);
        (HttpStatusCode status, JsonElement problem) = await _api.PostAsync("/tasks", """{"type":"simulate","payload":1}""");
        Assert.Equal((HttpStatusCode.InternalServerError, "A fault of this program"), (status, problem.GetProperty("title").GetString()));
        Assert.Matches("trace id [0-9a-zA-Z:]{8,}", problem.GetProperty("detail").GetString());
        Assert.DoesNotContain("secret", problem.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", problem.GetRawText(), StringComparison.Ordinal);
    }

    private static DeadLetter Letter(string id, string text) => new()
    {
        Id = id,
        Type = "simulate",
        Queue = "default",
        Reason = "no",
        Attempt = 1,
        Redriven = 0,
        ContentType = "text/plain",
        PayloadBytes = text.Length,
        Payload = System.Text.Encoding.UTF8.GetBytes(text),
        Headers = new Dictionary<string, object?>(),
    };
}
