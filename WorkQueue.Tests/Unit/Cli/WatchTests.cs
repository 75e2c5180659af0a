using Microsoft.AspNetCore.Http;
using WorkQueue.Cli;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class WatchTests
{
    [Fact]
    public async Task A_lost_connection_is_made_again_after_the_last_event()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        using CancellationTokenSource interrupt = new();
        producer
            .On("GET /events", context => WriteAsync(context, """
                : hello

                id: 1
                event: task.default.simulate.retrying
                data: {"topic":"task.default.simulate.retrying","at":"2026-01-01T10:00:00Z","id":"t1","type":"simulate","queue":"default","state":"retrying","attempt":2,"error":"bad\u001b[31m"}


                """))
            .On("GET /events", context => WriteAsync(context, ": breaks off\n", abort: true))
            .On("GET /events", context => WriteAsync(context, "id: 2\nevent: orders.created\ndata: {\"order\": \"[17]\"}\n\n"))
            .On("GET /events", _ => interrupt.CancelAsync());

        Result result = await producer.RunAsync(Stream.Null, canAsk: false, interrupt.Token, "watch", "task.#", "orders.*");
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.Matches(@"^2026-01-01 \d\d:00:00 retrying +default simulate t1 attempt 2, bad$", result.Lines[0]);
        Assert.Equal("orders.created {\"order\":\"[17]\"}", result.Lines[1]);
        Assert.Equal("?topic=task.%23&topic=orders.%2A", producer.Received[0].Query);
        Assert.Equal([null, "1", "1", "2"], producer.Received.Select(call => call.Headers.GetValueOrDefault("Last-Event-ID")));
        Assert.Contains("lost; trying again", result.Error, StringComparison.Ordinal);
        Assert.Contains("Connected again", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_users_publish_is_shown_with_its_time_topic_and_payload()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        using CancellationTokenSource interrupt = new();
        producer.On("GET /events", context => WriteAsync(context, """
            event: orders.created
            data: {"topic":"orders.created","at":"2026-01-01T10:00:00Z","id":"e1","payload":"first text"}

            event: orders.paid
            data: {"topic":"orders.paid","at":null,"id":"e2","payload":{"order":17}}


            """)).On("GET /events", _ => interrupt.CancelAsync());
        Result result = await producer.RunAsync(Stream.Null, canAsk: false, interrupt.Token, "watch", "orders.#");
        Assert.Matches(@"^2026-01-01 \d\d:00:00 orders\.created first text$", result.Lines[0]);
        Assert.Equal("orders.paid {\"order\":17}", result.Lines[1]);
    }

    [Fact]
    public async Task Emit_publishes_a_text_or_JSON_and_prints_the_id()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /events", 202, """{"id":"e1","topic":"orders.created"}""");
        Assert.Equal("e1\n", (await producer.RunAsync("emit", "orders.created", "first", "text")).Out);
        Assert.Equal("{\"id\":\"e1\",\"topic\":\"orders.created\"}\n", (await producer.RunAsync("emit", "orders.created", "--payload", """{"order":17}""", "--json")).Out);
        Assert.Equal(
            ["""{"topic":"orders.created","payload":"first text"}""", """{"topic":"orders.created","payload":{"order":17}}"""],
            producer.Received.Select(call => call.Body));
        Assert.Equal(ExitCode.Usage, (await producer.RunAsync("emit", "orders.created")).Code);
        Assert.Equal(ExitCode.Usage, (await producer.RunAsync("emit", "orders.created", "text", "--payload", "1")).Code);
        Assert.Equal(ExitCode.Usage, (await producer.RunAsync("emit", "orders.created", "--payload", "{")).Code);
        await using FakeProducer refusing = await FakeProducer.StartAsync();
        refusing.Refuse("POST /events", 400, "'a..b' is no topic.");
        Assert.Equal(ExitCode.Failed, (await refusing.RunAsync("emit", "a..b", "text")).Code);
    }

    [Fact]
    public async Task JSON_is_an_event_a_line()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        using CancellationTokenSource interrupt = new();
        producer.On("GET /events", context => WriteAsync(context, "event: a\ndata: {\"topic\": \"a\",\ndata: \"n\": 1}\n\nevent: b\ndata: no JSON\n\n")).On("GET /events", _ => interrupt.CancelAsync());
        Result result = await producer.RunAsync(Stream.Null, canAsk: false, interrupt.Token, "watch", "#", "--json");
        Assert.Equal(["""{"topic":"a","n":1}""", """{"topic":"b","text":"no JSON"}"""], result.Lines);
    }

    [Fact]
    public async Task A_pattern_that_is_refused_ends_it()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("GET /events", 400, "topic is 'a..b'; words are divided by one dot.");
        Result result = await producer.RunAsync("watch", "a..b");
        Assert.Equal(ExitCode.Failed, result.Code);
        Assert.Contains("topic is 'a..b'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_producer_that_never_answered_is_not_waited_for()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.Refuse("GET /events", 503, "The broker is away.");
        Assert.Equal(ExitCode.TryAgain, (await producer.RunAsync("watch", "#").WaitAsync(TestEnvironment.Patience)).Code);
    }

    private static async Task WriteAsync(HttpContext context, string events, bool abort = false)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.WriteAsync(events);
        await context.Response.Body.FlushAsync();
        if (abort)
        {
            context.Abort();
        }
    }
}
