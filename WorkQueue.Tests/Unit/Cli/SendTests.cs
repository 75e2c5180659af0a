using System.Text.Json;
using Microsoft.AspNetCore.Http;
using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class SendTests
{
    private const string Accepted = """{"id":"t1","state":"queued"}""";

    [Fact]
    public async Task Words_are_the_text_of_a_task_as_in_the_tutorials()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", 202, Accepted);
        Result result = await producer.RunAsync("send", "First", "message.");
        Assert.Equal((ExitCode.Done, "t1 queued\n"), (result.Code, result.Out));
        Received sent = Assert.Single(producer.Received);
        Assert.Equal(("First message.", "text/plain; charset=utf-8"), (sent.Body, sent.ContentType));
        Assert.StartsWith("wq-", sent.Headers["Idempotency-Key"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("@file --qeue", "send", "--", "@file", "--qeue")]
    [InlineData("@file", "send", "@file")]
    [InlineData("-1.", "send", "-1.")]
    [InlineData("Łódź 😀", "send", "Łódź", "😀")]
    public async Task A_text_is_sent_as_it_is(string text, params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", 202, Accepted);
        Assert.Equal(ExitCode.Done, (await producer.RunAsync(args)).Code);
        Assert.Equal(text, Assert.Single(producer.Received).Body);
    }

    [Theory]
    [InlineData("""{"type":"simulate","payload":{"text":"Hello."},"queue":"slow","delay":"00:00:05"}""", "Hello.", "--queue", "slow", "--delay", "5s")]
    [InlineData("""{"type":"t","payload":{"n":1.50,"text":"Łódź"}}""", "--type", "t", "--payload", """{ "n": 1.50, "text": "Łódź" }""")]
    [InlineData(
        """{"type":"t","payload":7,"notBefore":"2030-01-31T17:00:00+00:00","deadline":"2030-01-31T18:00:00+00:00"}""",
        "--type", "t", "--payload", "7", "--not-before", "2030-01-31T18:00+01:00", "--deadline", "2030-01-31T18:00Z")]
    public async Task Options_make_it_JSON(string body, params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", 202, Accepted);
        Result result = await producer.RunAsync(["send", "--json", .. args]);
        Assert.Equal((ExitCode.Done, Accepted + "\n"), (result.Code, result.Out));
        Assert.Equal(body, Assert.Single(producer.Received).Body);
    }

    [Theory]
    [InlineData(504)]
    [InlineData(0)] // The connection breaks.
    public async Task After_an_unknown_outcome_it_is_sent_once_more_under_the_same_key(int status)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", context => Fail(context, status)).On("POST /tasks", 202, Accepted);
        Result result = await producer.RunAsync("send", "Hello.");
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.Contains("Sending it again under the same id", result.Error, StringComparison.Ordinal);
        Assert.Equal(2, producer.Received.Count);
        Assert.Single(producer.Received.Select(sent => sent.Headers["Idempotency-Key"]).Distinct());
    }

    [Fact]
    public async Task An_outcome_that_stays_unknown_is_told_with_the_key_to_try_again()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("POST /tasks", 504, "No confirm.");
        Result result = await producer.RunAsync("send", "Hello.", "--idempotency-key", "order-17");
        Assert.Equal(ExitCode.TryAgain, result.Code);
        Assert.Contains("send it again with --idempotency-key order-17", result.Error, StringComparison.Ordinal);
        Assert.Equal(2, producer.Received.Count);
    }

    [Fact]
    public async Task What_was_surely_not_accepted_is_not_sent_again()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("POST /tasks", 503, "The broker is away.");
        Assert.Equal(ExitCode.TryAgain, (await producer.RunAsync("send", "Hello.")).Code);
        Assert.Single(producer.Received);
    }

    [Theory]
    [InlineData("--wait", "Hello.")]
    [InlineData("Hello.", "--wait", "10s")]
    [InlineData("Hello.", "--wait")]
    public async Task It_waits_for_the_end_of_the_task(params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", 202, Accepted)
            .Refuse("GET /tasks/t1", 404, "Not known yet.")
            .On("GET /tasks/t1", 200, """{"id":"t1","state":"running","percent":50}""")
            .On("GET /tasks/t1", 200, """{"id":"t1","state":"succeeded","result":{"seconds":1}}""");
        Result result = await producer.RunAsync(["send", .. args]);
        Assert.Equal((ExitCode.Done, """t1 succeeded {"seconds":1}"""), (result.Code, result.Out.Trim()));
        Assert.Equal("Hello.", producer.Received[0].Body);
    }

    [Fact]
    public async Task A_wait_that_is_over_before_says_so_and_still_gives_the_id()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", 202, Accepted).Refuse("GET /tasks/t1", 404, "Not known yet.");
        Result result = await producer.RunAsync("send", "Hello.", "--wait", "300ms", "--json");
        Assert.Equal(ExitCode.TimedOut, result.Code);
        Assert.Equal("t1", JsonDocument.Parse(result.Out).RootElement.GetProperty("id").GetString());
        Assert.Contains("has not ended within 0.3 s", result.Error, StringComparison.Ordinal);
    }

    private static async Task Fail(HttpContext context, int status)
    {
        if (status == 0)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(new { title = "Outcome unknown", detail = "No confirm in time.", taskId = "t1" });
    }

    [Theory]
    [InlineData("""{"type":"simulate","payload":{"text":"Hello."},"unique":{}}""", "Hello.", "--unique")]
    [InlineData("""{"type":"simulate","payload":{"text":"Hello."},"unique":{"key":"k","for":"00:10:00","then":"skip"}}""", "Hello.", "--unique", "k", "--unique-for", "10m", "--unique-then", "skip")]
    public async Task A_key_goes_with_the_task_and_the_one_that_is_there_is_told(string body, params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks", 202, """{"id":"t1","state":"running","existing":true}""");
        Result result = await producer.RunAsync(["send", .. args]);
        Assert.Equal((ExitCode.Done, "t1 running existing\n"), (result.Code, result.Out));
        Received sent = Assert.Single(producer.Received);
        Assert.Equal(body, sent.Body);
        Assert.False(sent.Headers.ContainsKey("Idempotency-Key"));
    }

    [Theory]
    [InlineData("--unique-for", "10m")]
    [InlineData("--unique", "k", "--wait")]
    [InlineData("--unique", "k", "--idempotency-key", "i")]
    [InlineData("--unique", "k", "--unique-then", "wait")]
    public async Task What_does_not_go_with_a_key_is_refused_before_anything_is_sent(params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        Assert.Equal(ExitCode.Usage, (await producer.RunAsync(["send", "Hello.", .. args])).Code);
        Assert.Empty(producer.Received);
    }
}
