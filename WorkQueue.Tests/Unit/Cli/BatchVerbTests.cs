using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class BatchVerbTests
{
    private const string Batch = """
        {"id":"b1","name":"Album summer","state":"complete","total":3,"pending":0,"succeeded":2,"deadLettered":1,"cancelled":0,"openedAt":"2026-01-01T10:00:00Z","completedAt":"2026-01-01T10:01:00Z","onComplete":"t9"}
        """;

    [Fact]
    public async Task Batches_are_shown_with_what_became_of_their_tasks()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /batches", 200, $$"""{"items":[{{Batch}},{"id":"b2","state":"open","total":0,"pending":0,"succeeded":0,"deadLettered":0,"cancelled":0,"openedAt":"2026-01-01T10:00:00Z","problem":"it is full"}],"next":null}""");
        foreach (string[] words in (string[][])[["batches"], ["batches", "list"]])
        {
            Result result = await producer.RunAsync(words);
            Assert.Equal(ExitCode.Done, result.Code);
            Assert.Equal("id name state tasks pending succeeded dead cancelled age", Spaced(result.Lines[0]));
            Assert.StartsWith("b1 Album summer complete 3 0 2 1 0 ", Spaced(result.Lines[1]), StringComparison.Ordinal);
            Assert.StartsWith("b2 open 0 0 0 0 0 ", Spaced(result.Lines[2]), StringComparison.Ordinal);
            Assert.Equal("wq: b2 does not go on: it is full\n", result.Error);
        }

        Assert.StartsWith("{\"items\":[{\"id\":\"b1\"", (await producer.RunAsync("batches", "--json")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_is_shown_closed_and_cancelled()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /batches/b1", 200, Batch).On("POST /batches/b1/close", 200, Batch).On("DELETE /batches/b1", 200, Batch);
        foreach (string verb in (string[])["show", "close", "cancel"])
        {
            string[] lines = [.. (await producer.RunAsync("batches", verb, "b1")).Lines.Select(Spaced)];
            Assert.Equal(["id b1", "name Album summer", "state complete", "tasks 3", "pending 0", "succeeded 2", "dead 1"], lines[..7]);
            Assert.Contains("on complete t9", lines);
            Assert.DoesNotContain(lines, line => line.StartsWith("on success", StringComparison.Ordinal));
        }

        Assert.Equal(["GET /batches/b1", "POST /batches/b1/close", "DELETE /batches/b1"], producer.Received.Select(call => call.Call));
        Assert.Equal(ExitCode.NotFound, (await producer.RunAsync("batches", "show", "b2")).Code);
    }

    [Fact]
    public async Task A_batch_that_cannot_be_cancelled_says_why()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("DELETE /batches/b1", 409, "It has ended.");
        Result result = await producer.RunAsync("batches", "cancel", "b1");
        Assert.Equal(ExitCode.Failed, result.Code);
        Assert.StartsWith("wq: It has ended (409, DELETE ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tasks_of_a_batch_are_listed_by_their_state()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /batches/b1/members", 200, """{"items":[{"number":7,"id":"t7"}],"next":null}""");
        Result result = await producer.RunAsync("batches", "members", "b1", "--state", "deadLettered");
        Assert.Equal(["number id", "7 t7"], result.Lines.Select(Spaced));
        await producer.RunAsync("batches", "members", "b1");
        Assert.Equal(["?state=deadLettered", "?state=pending"], producer.Received.Select(call => call.Query));
        Assert.Equal(ExitCode.Usage, (await producer.RunAsync("batches", "members", "b1", "--state", "running")).Code);
    }

    [Fact]
    public async Task A_batch_is_sent_as_its_lines_are()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /batches", 202, Batch);
        const string lines = "{\"batch\":{\"name\":\"Album summer\"}}\n{\"type\":\"simulate\",\"payload\":{\"text\":\"a\"}}\n";
        Result result = await producer.FeedAsync(lines, "batches", "send", "-", "--json");
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.Equal((lines, "application/x-ndjson"), (producer.Received.Single().Body, producer.Received.Single().ContentType));
        Assert.Equal(ExitCode.Usage, (await producer.RunAsync("batches", "send", "/no/such/file")).Code);
    }

    [Fact]
    public async Task Lines_that_are_not_added_to_a_batch_are_told_with_their_number()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /batches/b1/tasks", 202, """{"accepted":1,"ids":["t1"],"rejected":[{"line":2,"error":"the queue is full"}]}""");
        Result result = await producer.FeedAsync("{}\n{}\n", "batches", "add", "b1", "-", "--key", "a b");
        Assert.Equal((ExitCode.Failed, "accepted 1, rejected 1\n", "wq: line 2: the queue is full\n"), (result.Code, result.Out, result.Error));
        Assert.Equal("?key=a%20b", producer.Received.Single().Query);
    }

    private static string Spaced(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
