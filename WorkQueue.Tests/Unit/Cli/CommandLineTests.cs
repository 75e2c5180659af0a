using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("'frobnicate' is no command", "frobnicate")]
    [InlineData("Required command", "dead")]
    [InlineData("nothing to send", "send")]
    [InlineData("Unknown option '--qeue'", "send", "--qeue", "x", "Hello.")]
    [InlineData("Unknown option '--verbose'", "get", "--verbose")]
    [InlineData("--delay is '5'; a duration is", "send", "--delay", "5", "Hello.")]
    [InlineData("--not-before is 'tomorrow'", "send", "--not-before", "tomorrow", "Hello.")]
    [InlineData("give one", "send", "--delay", "5s", "--not-before", "2030-01-01T00:00Z", "Hello.")]
    [InlineData("--payload needs --type", "send", "--payload", "{}")]
    [InlineData("not both", "send", "--type", "t", "--payload", "{}", "Hello.")]
    [InlineData("--payload is not JSON", "send", "--type", "t", "--payload", "{")]
    [InlineData("leave out the text", "send", "--file", "x", "Hello.")]
    [InlineData("--wait and --idempotency-key", "send", "--file", "x", "--wait")]
    [InlineData("--payload-lines needs --type", "send", "--file", "x", "--payload-lines")]
    [InlineData("--payload-lines is for --file", "send", "--payload-lines", "Hello.")]
    [InlineData("--file: Could not find", "send", "--file", "/does/not/exist")]
    [InlineData("<id> is empty", "get", "")]
    [InlineData("--limit is '0'", "list", "--limit", "0")]
    [InlineData("--limit is 'many'", "list", "--limit", "many")]
    [InlineData("--all has no --limit", "list", "--all", "--limit", "3")]
    [InlineData("Say which dead letters", "dead", "redrive")]
    [InlineData("--all does not go with", "dead", "redrive", "--all", "--queue", "default")]
    [InlineData("confirm with --yes", "dead", "discard", "--all")]
    [InlineData("is no address of a producer", "queues", "--url", "localhost:5180")]
    [InlineData("a letter that a header cannot carry", "queues", "--api-key", "a\nb")]
    public async Task A_wrong_command_line_is_told_in_one_line_and_nothing_is_sent(string message, params string[] args)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        Result result = await producer.RunAsync(args);
        Assert.Equal((ExitCode.Usage, ""), (result.Code, result.Out));
        Assert.StartsWith("wq: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(message, Assert.Single(result.Error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.Empty(producer.Received);
    }

    [Fact]
    public async Task The_help_names_the_exit_codes()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        Result result = await producer.RunAsync("--help");
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.Matches(@"(?m)^ +124 +the wait was over", result.Out);
    }

    [Theory]
    [InlineData(400, ExitCode.Failed)]
    [InlineData(401, ExitCode.Failed)]
    [InlineData(404, ExitCode.NotFound)]
    [InlineData(409, ExitCode.Failed)]
    [InlineData(422, ExitCode.Failed)]
    [InlineData(429, ExitCode.TryAgain)]
    [InlineData(500, ExitCode.Failed)]
    [InlineData(503, ExitCode.TryAgain)]
    public async Task A_refusal_shows_the_reason_and_the_call_and_gives_its_exit_code(int status, int code)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("POST /tasks/x/cancel", status, "Because\\u001b[31m of this.");
        Result result = await producer.RunAsync("cancel", "x", "--json");
        Assert.Equal((code, ""), (result.Code, result.Out));
        Assert.StartsWith($"wq: Because of this ({status}, POST {producer.Url}/tasks/x/cancel).", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_busy_producer_says_when_to_try_again()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /queues", context =>
        {
            context.Response.Headers.RetryAfter = "5";
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
        Assert.EndsWith("Try again in 5 s.\n", (await producer.RunAsync("queues")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_producer_listens_it_says_where_and_how_to_start_one()
    {
        int port = FreePort();
        await using FakeProducer producer = await FakeProducer.StartAsync();
        Result result = await producer.RunAsync("queues", "--url", $"http://127.0.0.1:{port}");
        Assert.Equal(ExitCode.TryAgain, result.Code);
        Assert.Contains($"No producer answers at http://127.0.0.1:{port}/", result.Error, StringComparison.Ordinal);
        Assert.Contains("./run.sh", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html>Hello</html>")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"items":null}""")]
    [InlineData("""{"items":[{"ready":1}]}""")]
    public async Task Something_else_that_answers_is_no_producer(string body)
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("GET /queues", 200, body);
        Result result = await producer.RunAsync("queues");
        Assert.Equal(ExitCode.Failed, result.Code);
        Assert.Contains("does not answer as a WorkQueue producer", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_may_have_a_path_and_the_option_goes_before_the_environment()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        await using FakeProducer other = await FakeProducer.StartAsync();
        other.On("GET /base/queues", 200, """{"items":[],"next":null}""");
        Result result = await producer.RunAsync("queues", "--json", "--url", $"{other.Url}/base", "--api-key", "a key"[2..]);
        Assert.Equal((ExitCode.Done, "{\"items\":[]}\n"), (result.Code, result.Out));
        Assert.Equal("Bearer key", Assert.Single(other.Received).Headers["Authorization"]);
        Assert.Empty(producer.Received);
    }

    [Fact]
    public async Task Ctrl_C_ends_what_is_unfinished_with_130()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        using CancellationTokenSource interrupt = new();
        producer.On("GET /queues", async context =>
        {
            await interrupt.CancelAsync();
            await context.Response.WriteAsync("late");
        });
        Assert.Equal(ExitCode.Interrupted, (await producer.RunAsync(Stream.Null, canAsk: false, interrupt.Token, "queues")).Code);
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
