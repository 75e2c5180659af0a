using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class QueueVerbTests
{
    [Fact]
    public async Task Queues_are_shown_as_rabbitmqctl_lists_them()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On(
            "GET /queues", 200,
            """
            {"items":[{"name":"default","brokerName":"wq.default","paused":false,"ready":3,"unacknowledged":2,"delayed":1,"dead":0,"consumers":2,"publishRate":1.5,"ackRate":1.5},
            {"name":"slow","brokerName":"wq.slow","paused":true,"ready":0,"dead":7,"consumers":1,"note":"no management API","warnings":["wq.slow: expires 1 of policy 'p'"]}],"next":null,"warnings":["wq.delay.07: expires 1 of policy 'p'"]}
            """);
        Result result = await producer.RunAsync("queues");
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.Equal(
            [
                "name ready unacknowledged delayed dead consumers paused",
                "default 3 2 1 0 2 no",
                "slow 0 ? ? 7 1 yes",
            ],
            result.Lines.Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
        Assert.Equal("wq: ? is not known: no management API\nwq: warning: wq.slow: expires 1 of policy 'p'\nwq: warning: wq.delay.07: expires 1 of policy 'p'\n", result.Error);
    }

    [Fact]
    public async Task Limits_are_a_line_each_with_what_is_taken_and_what_waits()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On(
            "GET /queues", 200,
            """
            {"items":[{"name":"mail","ready":30,"maxRunning":5,"permits":4,"oldestWaiting":"00:00:07"},{"name":"free","ready":1},{"name":"sms","ready":2,"rate":"30 per 00:01:00"},
            {"name":"default","ready":3,"lanes":[{"name":"","ready":1,"consumers":1,"permits":0},{"name":"type-resize","ready":2,"consumers":1,"maxRunning":2,"permits":1,"rate":"30 per 00:01:00"}]}],"next":null}
            """);
        Result result = await producer.RunAsync("limits");
        Assert.Equal(ExitCode.Done, result.Code);
        Assert.Equal(
            ["queue lane limit taken waiting for", "mail all 5 at once 4 30 00:00:07", "sms all 30 per 00:01:00 ? 2 ?", "default type-resize 2 at once 1 2 ?", "default type-resize 30 per 00:01:00 ? 2 ?"],
            result.Lines.Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
    }

    [Fact]
    public async Task Queues_are_paused_and_go_on()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /queues/default/pause", 200, """{"queue":"default","paused":true}""").On("POST /queues/default/resume", 200, """{"queue":"default","paused":false}""");
        Assert.Equal("default paused\n", (await producer.RunAsync("pause", "default")).Out);
        Assert.Equal("default running\n", (await producer.RunAsync("resume", "default")).Out);
        Assert.Equal("{\"queue\":\"default\",\"paused\":true}\n", (await producer.RunAsync("pause", "default", "--json")).Out);
    }

    [Fact]
    public async Task Workers_are_shown_with_what_they_run()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On(
            "GET /workers", 200,
            """{"items":[{"id":"w1","host":"h","version":"0.1.0","slots":2,"queues":["default","slow"],"startedAt":"2026-01-01T10:00:00Z","lastSeen":"2026-01-01T10:00:00Z","tasks":[{"id":"t1","type":"simulate","startedAt":"2026-01-01T10:00:00Z"}]}],"next":null}""");
        Result result = await producer.RunAsync("workers");
        Assert.Matches(@"^w1 +h +0\.1\.0 +1/2 +default, slow +.+ ago +t1 \(simulate, .+\)", result.Lines[1]);
        Assert.StartsWith("{\"items\":[{\"id\":\"w1\"", (await producer.RunAsync("workers", "--json")).Out, StringComparison.Ordinal);
    }
}
