using System.Text.Json;
using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class TaskVerbTests
{
    private const string Dead =
        """
        {"id":"t1","type":"render-pdf","queue":"default","state":"deadLettered","attempt":2,"redriven":0,"duplicates":0,
        "enqueuedAt":"2026-01-01T10:00:00Z","changedAt":"2026-01-01T10:00:09Z","reason":"failed 2 times","errorType":"IOException","error":"disk\u001b[2J full [red]",
        "traceId":"abc","contentType":"application/json","payload":{"title":"Łódź"},"future":"field","chain":{"first":"t0","place":1,"steps":[{},{},{}]},
        "attempts":[{"attempt":1,"worker":"w1","startedAt":"2026-01-01T10:00:00Z","endedAt":"2026-01-01T10:00:03.2Z","outcome":"retrying","errorType":"IOException","error":"disk full"},
        {"attempt":2,"worker":"w2","startedAt":"2026-01-01T10:00:04Z"}],"history":[]}
        """;

    [Fact]
    public async Task Get_shows_all_that_is_known_of_a_task()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks/t1", 200, Dead);
        Result result = await producer.RunAsync("get", "t1");
        Assert.Equal((ExitCode.Done, ""), (result.Code, result.Error));
        Assert.Matches(@"(?m)^state +deadLettered", result.Out);
        Assert.Matches(@"(?m)^chain +2 of 3, first t0", result.Out);
        Assert.Matches(@"(?m)^error +failed 2 times: IOException: disk full \[red\]", result.Out);
        Assert.Matches(@"(?m)^1 +\S+ \S+ +3.2 s +w1 +retrying +IOException: disk full", result.Out);
        Assert.Matches(@"(?m)^2 +\S+ \S+ +w2 +running", result.Out);
        Assert.Contains("\"title\": \"Łódź\"", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', result.Out);
    }

    [Fact]
    public async Task Get_prints_one_JSON_document()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks/t1", 200, Dead);
        Result result = await producer.RunAsync("get", "t1", "--json");
        JsonElement task = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        Assert.Equal("deadLettered", task.GetProperty("state").GetString());
        Assert.Equal("Łódź", task.GetProperty("payload").GetProperty("title").GetString());
        Assert.DoesNotContain('\u001b', result.Out);
    }

    [Fact]
    public async Task An_id_is_one_part_of_the_address()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        Assert.Equal(ExitCode.NotFound, (await producer.RunAsync("get", "a/../b?c")).Code);
        Assert.Equal("GET /tasks/a%2F..%2Fb?c", Assert.Single(producer.Received).Call);
    }

    [Theory]
    [InlineData("succeeded", ExitCode.Done)]
    [InlineData("deadLettered", ExitCode.Failed)]
    [InlineData("cancelled", ExitCode.Failed)]
    public async Task Wait_ends_with_the_task_and_its_exit_code_says_how(string state, int code)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks/t1", 200, """{"id":"t1","state":"running"}""").On("GET /tasks/t1", 200, $$"""{"id":"t1","state":"{{state}}","reason":"why"}""");
        Result result = await producer.RunAsync("wait", "t1");
        Assert.Equal(code, result.Code);
        Assert.StartsWith($"t1 {state}", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wait_gives_up_after_its_timeout_with_124()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks/t1", 200, """{"id":"t1","state":"running"}""");
        Result result = await producer.RunAsync("wait", "t1", "--timeout", "00:00:00.3");
        Assert.Equal((ExitCode.TimedOut, "t1 running"), (result.Code, result.Out.Trim()));
    }

    [Fact]
    public async Task Wait_outlasts_a_producer_that_starts_anew()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks/t1", 200, """{"id":"t1","state":"running"}""")
            .Refuse("GET /tasks/t1", 503, "Starting.")
            .On("GET /tasks/t1", 404, """{"title":"Not found","detail":"Unknown."}""", history: "replaying")
            .On("GET /tasks/t1", 200, """{"id":"t1","state":"succeeded"}""");
        Assert.Equal(ExitCode.Done, (await producer.RunAsync("wait", "t1")).Code);
    }

    [Fact]
    public async Task Wait_for_an_unknown_task_ends_at_once()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("GET /tasks/t1", 404, "No task t1.");
        Assert.Equal(ExitCode.NotFound, (await producer.RunAsync("wait", "t1")).Code);
        Assert.Single(producer.Received);
    }

    [Fact]
    public async Task Ctrl_C_ends_a_wait_and_says_that_the_task_goes_on()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        using CancellationTokenSource interrupt = new();
        producer.On("GET /tasks/t1", 200, """{"id":"t1","state":"running"}""").On("GET /tasks/t1", _ => interrupt.CancelAsync());
        Result result = await producer.RunAsync(Stream.Null, canAsk: false, interrupt.Token, "wait", "t1");
        Assert.Equal(ExitCode.Interrupted, result.Code);
        Assert.Contains("Task t1 goes on", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_asks_with_its_filters_and_shows_a_row_a_task()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On(
            "GET /tasks", 200,
            """{"items":[{"id":"t1","type":"simulate","queue":"default","state":"running","attempt":1,"redriven":0,"enqueuedAt":"2026-01-01T10:00:00Z","changedAt":"2026-01-01T10:00:00Z","worker":"w1","error":"[bold]\u001b[1m","percent":40}],"next":null}""",
            history: "replaying");
        Result result = await producer.RunAsync("list", "--state", "running", "--state", "queued", "--type", "simulate", "--queue", "default", "--search", "a&b", "--limit", "7");
        Assert.Equal("?state=running%2Cqueued&type=simulate&queue=default&q=a%26b&limit=7", Assert.Single(producer.Received).Query);
        Assert.Equal(["id", "state", "type", "queue", "attempt", "age", "worker", "error"], result.Lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Matches(@"^t1 +running 40 % +simulate +default +1 +.+ w1 +\[bold\]", result.Lines[1]);
        Assert.Contains("still reads its history", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_all_follows_the_pages_and_prints_a_JSON_task_a_line()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks", 200, Page("t1", "\"c1\"")).On("GET /tasks", 200, Page("t2", "null"));
        Result result = await producer.RunAsync("list", "--all", "--json");
        Assert.Equal(["t1", "t2"], result.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetString()));
        Assert.Equal(["?limit=500", "?limit=500&cursor=c1"], producer.Received.Select(call => call.Query));
    }

    [Fact]
    public async Task List_prints_one_JSON_document_also_over_several_pages()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /tasks", 200, Page("t1", "\"c1\"")).On("GET /tasks", 200, Page("t2", "\"c2\""));
        Result result = await producer.RunAsync("list", "--limit", "2", "--json");
        JsonElement list = JsonDocument.Parse(Assert.Single(result.Lines)).RootElement;
        Assert.Equal((2, "c2"), (list.GetProperty("items").GetArrayLength(), list.GetProperty("next").GetString()));
    }

    [Fact]
    public async Task Cancel_and_run_again_print_id_and_state()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks/t1/cancel", 202, """{"id":"t1","state":"cancelled"}""").On("POST /tasks/t1/run-again", 202, """{"id":"t2","state":"queued"}""");
        Assert.Equal("t1 cancelled", (await producer.RunAsync("cancel", "t1")).Out.Trim());
        Assert.Equal("t2 queued", (await producer.RunAsync("run-again", "t1")).Out.Trim());
        Assert.Equal("""{"id":"t2","state":"queued"}""", (await producer.RunAsync("run-again", "t1", "--payload", "{\"n\":1}", "--json")).Out.Trim());
        Assert.Equal(["", "", """{"payload":{"n":1}}"""], producer.Received.Select(call => call.Body));
    }

    private static string Page(string id, string next) =>
        $$"""{"items":[{"id":"{{id}}","type":"simulate","queue":"default","state":"queued","attempt":1,"redriven":0,"enqueuedAt":"2026-01-01T10:00:00Z","changedAt":"2026-01-01T10:00:00Z"}],"next":{{next}}}""";
}
