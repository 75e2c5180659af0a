using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Unreadable;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Messages that end the client's connection whenever they are delivered.</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class UnreadableMessageTests(BrokerFixture broker)
{
    private static readonly byte[] Body = "\"unreadable\""u8.ToArray();

    private static readonly Dictionary<string, byte[]> Fields = new(StringComparer.Ordinal)
    {
        ["decimal"] = RawMessages.Field("x-odd", [(byte)'D', 29, 0, 0, 0, 1]),
        ["long long"] = RawMessages.Field("x-odd", [(byte)'L', 0, 0, 0, 0, 0, 0, 0, 1]),
        ["nested"] = RawMessages.Field("x-odd", RawMessages.Long('F', RawMessages.Field("inner", [(byte)'D', 255, 0, 0, 0, 1]))),
    };

    [BrokerTheory]
    [InlineData("classic", "decimal")]
    [InlineData("classic", "long long")]
    [InlineData("quorum", "decimal")]
    [InlineData("quorum", "nested")]
    public async Task One_among_healthy_tasks_is_set_aside_unchanged_and_every_healthy_one_succeeds(string type, string kind)
    {
        await using TestQueue queue = new(broker, ("Queues:default:Type", type), ("Queues:other:DeliveryLimit", "10"), ("Worker:Queues", "default, other"), ("Worker:Concurrency", "2"));
        ITaskQueue producer = await queue.ProducerAsync();
        IHost front = queue.Last;
        await using RawConnection raw = await RawMessages.ConnectAsync(broker.ConnectionString);
        RawChannel channel = await raw.OpenChannelAsync(CancellationToken.None);
        RawMessage unreadable = RawMessages.Of(Fields[kind], Body);
        // What a quorum queue hands out the broker has written anew, with the count of deliveries.
        await using IChannel plain = await queue.PlainChannelAsync();
        string copies = (await plain.QueueDeclareAsync($"{queue.Prefix}.copies", durable: true, exclusive: false, autoDelete: false)).QueueName;
        await plain.QueueBindAsync(copies, $"{queue.Prefix}.unreadable", "");
        await EnqueueAsync(producer, 0, 10);
        await channel.PublishAsync("", $"{queue.Prefix}.default", unreadable, CancellationToken.None);
        await EnqueueAsync(producer, 10, 10);

        await queue.WorkerAsync();
        await queue.WorkerAsync();
        if (kind == "long long" && (await broker.VersionAsync()).Major >= 4)
        {
            // The broker hands it out as an integer that every client reads.
            await Eventually.TrueAsync(() => queue.Runs.All.Select(run => run.Text).Distinct().Count() == 21, "every task runs, that one too");
            Assert.Equal(0u, await queue.ReadyAsync("unreadable"));
            await plain.QueueDeleteAsync(copies);
            return;
        }

        await Eventually.TrueAsync(() => queue.Runs.All.Select(run => run.Text).Distinct().Count() == 20, "every healthy task runs");
        await queue.LoggedAsync("cannot be read (header 'x-odd': ");
        await EnqueueAsync(producer, 20, 5);
        await Eventually.TrueAsync(() => queue.Runs.All.Select(run => run.Text).Distinct().Count() == 25, "the workers go on");

        Assert.DoesNotContain(queue.Runs.All, run => run.Text == "unreadable");
        await Eventually.TrueAsync(async () => await queue.ReadyAsync("default") + await queue.ReadyAsync("other") == 0, "the queues are empty");
        Assert.Equal((0u, 0u, 1u), (await queue.ReadyAsync("default.dead"), await queue.ReadyAsync("other.dead"), await queue.ReadyAsync("unreadable")));
        IQueueCounts counts = front.Services.GetRequiredService<IQueueCounts>();
        await Eventually.TrueAsync(() => counts.Unreadable == 1, "it is counted");
        HealthReportEntry health = (await front.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["rabbitmq"];
        Assert.Equal((HealthStatus.Healthy, $"1 message(s) that cannot be read are set aside in queue {queue.Prefix}.unreadable"), (health.Status, health.Description));

        RawMessage copy = (await channel.GetAsync(copies, CancellationToken.None))!;
        Assert.Equal(Body, copy.Body.Single().ToArray());
        Assert.True(type == "classic" ? copy.Header.Span.SequenceEqual(unreadable.Header.Span) : copy.Header.Span.IndexOf(Fields[kind]) > 0, Convert.ToHexString(copy.Header.Span));
        await plain.QueueDeleteAsync(copies);
    }

    [BrokerFact]
    public async Task One_that_goes_from_worker_to_worker_is_found_and_costs_no_healthy_task()
    {
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "2"));
        ITaskQueue producer = await queue.ProducerAsync();
        for (int worker = 0; worker < 5; worker++)
        {
            await queue.WorkerAsync();
        }

        await using RawConnection raw = await RawMessages.ConnectAsync(broker.ConnectionString);
        RawChannel channel = await raw.OpenChannelAsync(CancellationToken.None);
        await EnqueueAsync(producer, 0, 5);
        await channel.PublishAsync("", $"{queue.Prefix}.default", RawMessages.Of(Fields["decimal"], Body), CancellationToken.None);
        await EnqueueAsync(producer, 5, 50);
        await Eventually.TrueAsync(() => queue.Runs.All.Select(run => run.Text).Distinct().Count() == 55, "every healthy task runs");
        await Eventually.EqualAsync(1, async () => await queue.ReadyAsync("unreadable"), "it is set aside");
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
    }

    [BrokerFact]
    public async Task Many_of_them_are_set_aside_with_few_lost_connections()
    {
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "2"));
        ITaskQueue producer = await queue.ProducerAsync();
        await using RawConnection raw = await RawMessages.ConnectAsync(broker.ConnectionString);
        RawChannel channel = await raw.OpenChannelAsync(CancellationToken.None);
        for (int task = 0; task < 100; task++)
        {
            await channel.PublishAsync("", $"{queue.Prefix}.default", RawMessages.Of(Fields["decimal"], Body), CancellationToken.None);
            await EnqueueAsync(producer, task, 1);
        }

        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Select(run => run.Text).Distinct().Count() == 100, "every healthy task runs");
        await Eventually.EqualAsync(100, async () => await queue.ReadyAsync("unreadable"), "each is set aside");
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
        Assert.InRange(queue.Logged.Count(line => line.Contains("was lost", StringComparison.Ordinal)), 1, 3);
    }

    [BrokerFact]
    public async Task Among_dead_letters_the_others_are_listed_and_redriven()
    {
        await using TestQueue queue = new(broker, ("Queues:other:DeliveryLimit", "10"));
        bool fails = true;
        await queue.WorkerAsync((text, _) => fails ? throw new TaskRejectedException($"no: {text}") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        await using RawConnection raw = await RawMessages.ConnectAsync(broker.ConnectionString);
        RawChannel channel = await raw.OpenChannelAsync(CancellationToken.None);
        await EnqueueAsync(producer, 0, 2);
        await Eventually.EqualAsync(2, async () => await queue.ReadyAsync("default.dead"), "two are dead");
        await channel.PublishAsync("", $"{queue.Prefix}.default.dead", RawMessages.Of(Fields["decimal"], Body), CancellationToken.None);
        await channel.PublishAsync("", $"{queue.Prefix}.other.dead", RawMessages.Of(Fields["decimal"], Body), CancellationToken.None);
        await EnqueueAsync(producer, 2, 1);
        await Eventually.EqualAsync(4, async () => await queue.ReadyAsync("default.dead"), "a third one is dead");

        Assert.Equal(["\"0\"", "\"1\"", "\"2\""], (await letters.ListAsync(new DeadLetterFilter())).Select(letter => System.Text.Encoding.UTF8.GetString(letter.Payload.Span)).Order(StringComparer.Ordinal));
        Assert.Equal(2u, await queue.ReadyAsync("unreadable"));
        Assert.Equal(3, (await letters.ListAsync(new DeadLetterFilter())).Count);
        // And where it is found while letters are moved.
        await channel.PublishAsync("", $"{queue.Prefix}.default.dead", RawMessages.Of(Fields["decimal"], Body), CancellationToken.None);
        fails = false;
        Assert.Equal(3, await letters.RedriveAsync(new DeadLetterFilter()));
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 6, "the three run again");
        Assert.Equal((0u, 3u), (await queue.ReadyAsync("default.dead"), await queue.ReadyAsync("unreadable")));
    }

    [BrokerFact]
    public async Task They_are_read_from_the_first_broker_that_answers_and_a_refusal_is_told()
    {
        ConnectionFactory factory = new() { Uri = new Uri(broker.ConnectionString) };
        AmqpTcpEndpoint nobody = new("127.0.0.1", TestEnvironment.FreePort());
        await using (RawConnection raw = await RawConnection.OpenAsync(factory, [nobody, factory.Endpoint], CancellationToken.None))
        {
            IOException refused = await Assert.ThrowsAnyAsync<IOException>(async () => await (await raw.OpenChannelAsync(CancellationToken.None)).GetAsync("no-such-queue", CancellationToken.None));
            Assert.Contains("NOT_FOUND", refused.Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAnyAsync<IOException>(() => RawConnection.OpenAsync(factory, [nobody], CancellationToken.None));
        factory.Password = "wrong";
        await Assert.ThrowsAnyAsync<IOException>(() => RawConnection.OpenAsync(factory, [factory.Endpoint], CancellationToken.None));
    }

    [BrokerTheory]
    [InlineData("history")]
    [InlineData("control.log")]
    public async Task A_stream_holds_none_the_broker_converts_what_it_keeps_there(string stream)
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await using (RawConnection raw = await RawMessages.ConnectAsync(broker.ConnectionString))
        {
            RawChannel channel = await raw.OpenChannelAsync(CancellationToken.None);
            await Assert.ThrowsAnyAsync<IOException>(() => channel.PublishAsync("", $"{queue.Prefix}.{stream}", RawMessages.Of(Fields["decimal"], Body), CancellationToken.None));
        }

        await using RawConnection other = await RawMessages.ConnectAsync(broker.ConnectionString);
        await (await other.OpenChannelAsync(CancellationToken.None)).PublishAsync("", $"{queue.Prefix}.{stream}", RawMessages.Of(Fields["long long"], Body), CancellationToken.None);
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        await control.PauseAsync("default");
        await Eventually.TrueAsync(() => control.PausedQueues.Contains("default"), "the log is read on");
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task A_body_larger_than_the_client_takes_by_default_is_a_task_as_any_other()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        // From 4.0 on the broker itself takes 16 MiB at most.
        int megabytes = (await broker.VersionAsync()).Major >= 4 ? 15 : 65;
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(new string('x', megabytes * 1024 * 1024));
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, new BasicProperties { Type = "probe", ContentType = "application/json" }, body);
        await queue.WorkerAsync();
        await queue.Runs.NextAsync();
        Assert.Equal(body.Length - 2, queue.Runs.All.Single().Text.Length);
        await Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "it is done");
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
    }

    private static Task<EnqueuedTask[]> EnqueueAsync(ITaskQueue producer, int first, int count) =>
        Task.WhenAll(Enumerable.Range(first, count).Select(number => producer.ProbeAsync($"{number}")));
}
