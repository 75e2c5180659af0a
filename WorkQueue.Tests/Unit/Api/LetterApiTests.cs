using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Board.Api;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>Dead letters of large payloads and of one id; ids and faults in all calls.</summary>
public sealed class LetterApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task Letters_are_listed_from_the_history_page_by_page_with_payload_and_filters()
    {
        _api.Broker.Dead = 3;
        await _api.RecordAsync(
            _api.Records.Dead("a", "bang") with { Body = """{"n":1}"""u8.ToArray(), ContentType = "application/json" },
            _api.Records.Dead("b", "other") with { Body = "text"u8.ToArray(), ContentType = "text/plain" },
            _api.Records.Dead("a", "bang again"));
        JsonElement first = (await _api.GetAsync("/dead-letters?queue=default&limit=2")).Json;
        Assert.Equal(["a", "b"], Ids(first));
        Assert.Equal((1, "text"), (first.GetProperty("items")[0].GetProperty("payload").GetProperty("n").GetInt32(), first.GetProperty("items")[1].GetProperty("text").GetString()));
        JsonElement second = (await _api.GetAsync($"/dead-letters?queue=default&limit=2&cursor={first.GetProperty("next").GetString()}")).Json;
        Assert.Equal(["a"], Ids(second));
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next").ValueKind);
        Assert.Equal(["a", "a"], Ids((await _api.GetAsync("/dead-letters?error=BANG")).Json));
        Assert.Empty(Ids((await _api.GetAsync("/dead-letters?type=other")).Json));
        Assert.Equal(2, (await _api.PostAsync("/dead-letters/redrive", """{"error":"bang","dryRun":true}""")).Json.GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_list_that_differs_from_what_the_broker_counted_says_so_and_one_that_does_not_is_silent()
    {
        await _api.RecordAsync(_api.Records.Dead("a"));
        Assert.Equal(JsonValueKind.Null, (await _api.GetAsync("/dead-letters")).Json.GetProperty("note").ValueKind);
        _api.Broker.IsUncounted = true;
        Assert.StartsWith("The queues cannot be counted", (await _api.GetAsync("/dead-letters")).Json.GetProperty("note").GetString(), StringComparison.Ordinal);
        _api.Broker.IsUncounted = false;
        await _api.RecordAsync(_api.Records.Dead("b"));
        Assert.StartsWith("The broker counted 1 dead letters at most a second ago, and the history tells of 2.", (await _api.GetAsync("/dead-letters")).Json.GetProperty("note").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_queue_has_another_number_than_the_history_tells_of_the_queue_is_counted()
    {
        await _api.RecordAsync(_api.Records.Dead("a"));
        _api.Broker.Letters.AddRange([Letter("old", "older than the history"), Letter("a", "x")]);
        Assert.Equal(1, await DryRunAsync());
        _api.Broker.Dead = 2;
        Assert.Equal(2, await DryRunAsync());
        Assert.Contains("Discard 2 dead letters", await _api.Http.GetStringAsync("/board/dead-letters/confirm?verb=discard"), StringComparison.Ordinal);

        async Task<int> DryRunAsync() => (await _api.PostAsync("/dead-letters/discard", """{"queue":"default","dryRun":true}""")).Json.GetProperty("count").GetInt32();
    }

    [Fact]
    public async Task While_the_two_differ_for_a_moment_no_queue_is_looked_into_as_that_counts_as_a_delivery()
    {
        FakeClock clock = new();
        FakeBroker broker = new(_api.History, _api.Records) { Letters = { Letter("there", "x") } };
        LetterList list = ListOf(broker, clock);
        // A difference that was seen long ago has nothing to do with this one.
        await list.ListAsync(new DeadLetterFilter(), default);
        clock.Advance(TimeSpan.FromMinutes(5));
        Task<int> counted = list.CountAsync(new DeadLetterFilter(), default);
        Assert.False(counted.IsCompleted);
        broker.Dead = 0;
        Assert.Equal(0, await counted);
    }

    [Fact]
    public async Task What_cannot_be_counted_for_longer_than_a_moment_is_read_from_the_queues()
    {
        FakeClock clock = new();
        FakeBroker broker = new(_api.History, _api.Records) { IsUncounted = true, Letters = { Letter("there", "x") } };
        LetterList list = ListOf(broker, clock);
        Task<int> counted = list.CountAsync(new DeadLetterFilter(), default);
        Assert.False(counted.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(1, await counted);
    }

    [Fact]
    public async Task Letters_the_history_has_missed_for_longer_than_a_moment_are_listed_from_the_queue()
    {
        FakeClock clock = new();
        FakeBroker broker = new(_api.History, _api.Records) { Letters = { Letter("old", "x") } };
        LetterList list = ListOf(broker, clock);
        Assert.Empty((await list.ListAsync(new DeadLetterFilter(), default)).Letters);
        clock.Advance(TimeSpan.FromSeconds(6));
        LetterPage page = await list.ListAsync(new DeadLetterFilter(), default);
        Assert.Equal("old", Assert.Single(page.Letters).Id);
        Assert.EndsWith("read from the queues.", page.Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_letter_whose_record_is_gone_the_payload_is_said_to_be_gone()
    {
        HistoryRecord dead = Dead("a", "text");
        await _api.RecordAsync(dead);
        _api.History.Truncate(dead.Offset + 1);
        JsonElement letter = Assert.Single((await _api.GetAsync("/dead-letters?id=a")).Json.GetProperty("items").EnumerateArray());
        Assert.Equal((JsonValueKind.Null, DeadLetterView.Gone), (letter.GetProperty("text").ValueKind, letter.GetProperty("payloadNote").GetString()));
        Assert.Contains(DeadLetterView.Gone, await _api.Http.GetStringAsync("/board/dead-letters?id=a"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Payloads_are_read_a_part_at_a_time()
    {
        _api.Broker.Dead = 120;
        await _api.RecordAsync([.. Enumerable.Range(0, 120).Select(number => Dead($"{number}", $"{number}"))]);
        JsonElement page = (await _api.GetAsync("/dead-letters?limit=500")).Json;
        Assert.Equal(Enumerable.Range(0, 120).Select(number => $"{number}"), page.GetProperty("items").EnumerateArray().Select(letter => letter.GetProperty("text").GetString()));
        Assert.InRange(_api.History.MostReadAtOnce, 1, 50);
    }

    [Fact]
    public async Task Without_history_the_queue_is_read()
    {
        await using ApiHost off = await ApiHost.StartAsync("--WorkQueue:History=off");
        off.Broker.Letters.Add(new DeadLetter { Id = "q", Type = "simulate", Queue = "default", Reason = "no", Attempt = 1, Redriven = 0, Payload = default, Headers = new Dictionary<string, object?>() });
        Assert.Equal(["q"], Ids((await off.GetAsync("/dead-letters")).Json));
    }

    [Fact]
    public async Task A_list_leaves_out_a_large_payload_and_says_where_it_is_whole()
    {
        await _api.RecordAsync(Dead("a/b", new string('x', DeadLetterView.MaxPayloadBytes + 1)));
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
        await _api.RecordAsync(Dead("a", text));
        string list = await _api.Http.GetStringAsync("/board/dead-letters?queue=default");
        Assert.DoesNotContain(text, list, StringComparison.Ordinal);
        Assert.Contains("\"dead-letters?id=a&amp;queue=default", list, StringComparison.Ordinal);
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
        string link = list[list.IndexOf("href=\"tasks/", StringComparison.Ordinal)..].Split('"')[1];
        Assert.Equal(BoardUrl.Task(id), link);
        Assert.Contains($"<code id=\"task-id\">{shown}</code>", await _api.Http.GetStringAsync($"/board/{link}"), StringComparison.Ordinal);
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

    private HistoryRecord Dead(string id, string text) => _api.Records.Dead(id) with { Body = System.Text.Encoding.UTF8.GetBytes(text), ContentType = "text/plain" };

    // Over a history that has been read and tells of none.
    private LetterList ListOf(FakeBroker broker, FakeClock clock)
    {
        TaskProjection projection = Records.NewProjection(clock);
        projection.EndReplay();
        IOptions<WorkQueueOptions> options = Options.Create(new WorkQueueOptions());
        return new LetterList(projection, _api.History, broker, broker, new HistorySettings(options), options, clock);
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

    private static string[] Ids(JsonElement page) => [.. page.GetProperty("items").EnumerateArray().Select(letter => letter.GetProperty("id").GetString()!)];
}
