using System.Text;
using System.Text.Json;
using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class DeadVerbTests
{
    [Theory]
    [InlineData("""{"ids":["a","b"]}""", "a", "b", "a")]
    [InlineData("""{"queue":"default","type":"t","error":"disk","limit":5,"perSecond":10}""", "--queue", "default", "--type", "t", "--error", "disk", "--limit", "5", "--per-second", "10")]
    [InlineData("""{"error":""}""", "--all")]
    [InlineData("""{"queue":"default","dryRun":true}""", "--queue", "default", "--dry-run")]
    public async Task Redrive_says_which_dead_letters_it_means(string body, params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /dead-letters/redrive", 200, """{"count":2}""");
        Result result = await producer.RunAsync(["dead", "redrive", .. args]);
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.EndsWith(": 2\n", result.Out, StringComparison.Ordinal);
        Assert.Equal(body, Assert.Single(producer.Received).Body);
    }

    [Fact]
    public async Task Ids_that_are_no_dead_letters_are_not_found()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /dead-letters/redrive", 200, """{"count":1}""");
        Result result = await producer.RunAsync("dead", "redrive", "a", "b", "--json");
        Assert.Equal((ExitCode.NotFound, "{\"count\":1,\"dryRun\":false}\n"), (result.Code, result.Out));
        Assert.Contains("1 of the 2 ids", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("y\n", ExitCode.Done, "discarded: 3\n")]
    [InlineData("n\n", ExitCode.Failed, "")]
    [InlineData("", ExitCode.Failed, "")]
    public async Task Discard_counts_and_asks_before(string answer, int code, string output)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /dead-letters/discard", 200, """{"count":3}""");
        Result result = await producer.RunAsync(new MemoryStream(Encoding.UTF8.GetBytes(answer)), canAsk: true, CancellationToken.None, "dead", "discard", "--queue", "default");
        Assert.Equal((code, output), (result.Code, result.Out));
        Assert.Contains("Discard 3 dead letters for good?", result.Error, StringComparison.Ordinal);
        Assert.Equal("""{"queue":"default","dryRun":true}""", producer.Received[0].Body);
        Assert.Equal(code == ExitCode.Done ? 2 : 1, producer.Received.Count);
    }

    [Fact]
    public async Task Discard_with_yes_does_not_ask()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /dead-letters/discard", 200, """{"count":3}""");
        Assert.Equal("discarded: 3\n", (await producer.RunAsync("dead", "discard", "--all", "--yes")).Out);
        Assert.Equal("""{"error":""}""", Assert.Single(producer.Received).Body);
    }

    [Fact]
    public async Task List_follows_the_pages_up_to_its_limit()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /dead-letters", 200, Page("a", "\"c1\"")).On("GET /dead-letters", 200, Page("b", "\"c2\""));
        Result result = await producer.RunAsync("dead", "list", "--queue", "default", "--error", "x", "--limit", "2");
        Assert.Matches(@"^a +t +default +.+ +5 +too often: \[red\] bad", result.Lines[1]);
        Assert.StartsWith("b ", result.Lines[2], StringComparison.Ordinal);
        Assert.Equal(["?queue=default&error=x&limit=2", "?queue=default&error=x&limit=1&cursor=c1"], producer.Received.Select(call => call.Query));
    }

    [Fact]
    public async Task Show_finds_one_letter_and_prints_its_payload()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /dead-letters", 200, Page("b", "null"));
        Result result = await producer.RunAsync("dead", "show", "b");
        Assert.Equal("?id=b", Assert.Single(producer.Received).Query);
        Assert.Matches(@"(?m)^reason +too often", result.Out);
        Assert.Contains("not\nJSON", result.Out, StringComparison.Ordinal);
        Result json = await producer.RunAsync("dead", "show", "b", "--json");
        Assert.Equal("b", JsonDocument.Parse(json.Out).RootElement.GetProperty("id").GetString());
        Assert.Equal(ExitCode.NotFound, (await producer.RunAsync("dead", "show", "z")).Code);
    }

    [Fact]
    public async Task Show_says_in_what_the_list_may_be_incomplete_when_nothing_is_found()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /dead-letters", 200, """{"items":[],"next":null,"note":"The broker counted 2."}""");
        Result result = await producer.RunAsync("dead", "show", "z");
        Assert.Equal(ExitCode.NotFound, result.Code);
        Assert.Contains("The broker counted 2.", result.Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    private static string Page(string id, string next) =>
        $$"""{"items":[{"id":"{{id}}","type":"t","queue":"default","reason":"too often","errorType":null,"error":"[red] bad","attempt":5,"redriven":0,"enqueuedAt":"2026-01-01T10:00:00Z","deadAt":"2026-01-01T10:00:00Z","contentType":"text/plain","payload":null,"text":"not\nJSON"}],"next":{{next}}}""";
}
