using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What users publish, and who gets it: publish/subscribe, routing and topics.</summary>
[Collection(BrokerTests.Name)]
public sealed class EventTests(BrokerFixture broker)
{
    private const int Many = 10_000;

    [BrokerFact]
    public async Task Each_of_three_temporary_subscribers_gets_all_of_ten_thousand_events()
    {
        await using TestQueue queue = new(broker);
        ConcurrentQueue<int>[] got = [[], [], []];
        foreach (ConcurrentQueue<int> mine in got)
        {
            await queue.StartAsync(builder => builder.AddEventHandler("orders.#", (Order order, EventContext _) => Keep(mine, order)));
        }

        await queue.LoggedAsync("Taking events for subscription orders.#", times: 3);
        await PublishAsync(await EventsAsync(queue), Many);
        await Eventually.TrueAsync(() => got.All(mine => mine.Count >= Many), "every subscriber has every event", TimeSpan.FromSeconds(90));
        Assert.All(got, mine => Assert.Equal(Enumerable.Range(0, Many), mine.Order()));
    }

    [BrokerFact]
    public async Task Three_replicas_of_a_durable_subscription_share_ten_thousand_events()
    {
        await using TestQueue queue = new(broker);
        ConcurrentQueue<int>[] got = [[], [], []];
        foreach (ConcurrentQueue<int> mine in got)
        {
            await queue.StartAsync(builder => builder.AddEventHandler("orders.*.created", (Order order, EventContext _) => Keep(mine, order), "invoices"));
        }

        await queue.LoggedAsync("Connected to RabbitMQ", times: 6);
        await PublishAsync(await EventsAsync(queue), Many);
        await Eventually.TrueAsync(() => got.Sum(mine => mine.Count) >= Many, "every event is handled", TimeSpan.FromSeconds(90));
        Assert.Equal(Enumerable.Range(0, Many), got.SelectMany(mine => mine).Order());
        Assert.All(got, Assert.NotEmpty);
    }

    [BrokerFact]
    public async Task A_retry_comes_back_to_its_own_subscription_and_ends_among_its_dead_letters_to_be_redriven()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"), ("Retry:Jitter", "0"));
        ConcurrentQueue<EventContext> failing = [], other = [];
        bool works = false;
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.AddEventHandler("orders.#", (Order _, EventContext context) => Run(failing, context, works), "invoices");
            builder.AddEventHandler("orders.#", (Order _, EventContext context) => Run(other, context, works: true), "mails");
        });
        await queue.LoggedAsync("Connected to RabbitMQ", times: 2);
        string id = await host.Services.GetRequiredService<ITaskEvents>().PublishAsync("orders.eu.created", new Order(1));
        IDeadLetters letters = host.Services.GetRequiredService<IDeadLetters>();
        IReadOnlyList<DeadLetter> dead = [];
        await Eventually.TrueAsync(async () => (dead = await letters.ListAsync(new DeadLetterFilter())).Count == 1, "the event is dead-lettered");
        Assert.Equal((id, "sub.invoices", "orders.eu.created", 2), (dead[0].Id, dead[0].Queue, dead[0].Topic, dead[0].Attempt));
        Assert.Equal([("orders.eu.created", 1), ("orders.eu.created", 2)], failing.Select(context => (context.Topic, context.Attempt)));
        Assert.Equal([1], other.Select(context => context.Attempt));

        works = true;
        Assert.Equal(1, await letters.RedriveAsync(new DeadLetterFilter { Queue = "sub.invoices" }));
        await Eventually.TrueAsync(() => failing.Count == 3, "the event is handled again");
        Assert.Equal((id, "orders.eu.created", 1), (failing.Last().Id, failing.Last().Topic, failing.Last().Attempt));
        Assert.Single(other);
    }

    [BrokerFact]
    public async Task A_hash_gets_every_event_of_users_and_nothing_that_happens_to_tasks()
    {
        await using TestQueue queue = new(broker);
        ConcurrentQueue<string> durable = [], temporary = [];
        await queue.WorkerAsync();
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.AddEventHandler<JsonElement>("#", (_, context) => Keep(durable, context.Topic), "audit");
            builder.AddEventHandler<JsonElement>("#", (_, context) => Keep(temporary, context.Topic));
        });
        await queue.LoggedAsync("Taking events for subscription #");
        await host.Services.GetRequiredService<ITaskQueue>().ProbeAsync();
        await queue.Runs.NextAsync();
        await queue.LoggedAsync("(probe) done");
        ITaskEvents events = host.Services.GetRequiredService<ITaskEvents>();
        await events.PublishAsync("kern", "one word");
        await events.PublishAsync("kern.critical", "two");
        await Eventually.TrueAsync(() => durable.Count >= 2 && temporary.Count >= 2, "both have both");
        Assert.Equal((string[])["kern", "kern.critical"], durable);
        Assert.Equal(durable, temporary);
    }

    [BrokerFact]
    public async Task A_payload_that_does_not_fit_is_dead_lettered_in_a_durable_subscription_and_passed_over_in_a_temporary_one()
    {
        await using TestQueue queue = new(broker);
        ConcurrentQueue<int> got = [];
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddEventHandler("orders.#", (Order order, EventContext _) => Keep(got, order));
            builder.AddEventHandler("orders.#", (Order order, EventContext _) => Keep(got, order), "invoices");
        });
        await queue.LoggedAsync("Taking events for subscription orders.#");
        ITaskEvents events = host.Services.GetRequiredService<ITaskEvents>();
        await events.PublishAsync("orders.created", new { number = "no number" });
        await events.PublishAsync("orders.created", new Order(2));
        await Eventually.TrueAsync(() => got.Count == 2, "the next event is handled by both");
        BasicGetResult letter = await queue.TakeAsync("sub.invoices.dead");
        Assert.StartsWith("the payload does not fit type event: ", letter.Header("wq-reason"), StringComparison.Ordinal);
        Assert.Equal("orders.created", letter.Header("wq-topic"));
        await queue.LoggedAsync("(orders.created) could not be handled and is passed over");
    }

    [BrokerFact]
    public async Task A_subscriber_that_does_not_keep_up_or_was_cut_off_is_told_that_it_may_have_missed_something()
    {
        const int MoreThanWait = 20_300;
        await using TestQueue queue = new(broker);
        ConcurrentQueue<(string Text, bool MayHaveMissed)> got = [];
        TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously), goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        IHost host = await queue.StartAsync(builder => builder.AddEventHandler("burst.*", async (string text, EventContext context) =>
        {
            got.Enqueue((text, context.MayHaveMissed));
            first.TrySetResult();
            await goOn.Task;
        }));
        await queue.LoggedAsync("Taking events for subscription burst.*");
        await using IChannel plain = await queue.PlainChannelAsync();
        for (int number = 0; number < MoreThanWait; number++)
        {
            await plain.BasicPublishAsync($"{queue.Prefix}.events", "burst.plain", Encoding.UTF8.GetBytes($"{number}"));
            await (number == 0 ? first.Task : Task.CompletedTask);
        }

        await queue.LoggedAsync("came faster than they were handled");
        goOn.SetResult();
        await Eventually.TrueAsync(() => got.LastOrDefault().Text == $"{MoreThanWait - 1}", "the newest is handled", TimeSpan.FromSeconds(90));
        Assert.InRange(got.Count, 20_000, MoreThanWait - 1);
        Assert.Equal([false, true, false], got.Take(3).Select(one => one.MayHaveMissed));

        got.Clear();
        OpenConnection open = await host.Services.GetRequiredKeyedService<SupervisedConnection>(ConnectionPurpose.Consume).WaitOpenAsync(CancellationToken.None);
        await open.Connection.CloseAsync(320, "test", TimeSpan.FromSeconds(5), abort: true);
        await queue.LoggedAsync("Taking events for subscription burst.*", times: 2);
        await plain.BasicPublishAsync($"{queue.Prefix}.events", "burst.plain", "after"u8.ToArray());
        await plain.BasicPublishAsync($"{queue.Prefix}.events", "burst.plain", "later"u8.ToArray());
        await Eventually.TrueAsync(() => got.Count == 2, "it hears again");
        Assert.Equal([("after", true), ("later", false)], got);
    }

    [BrokerFact]
    public async Task What_is_no_topic_is_refused_and_a_subscription_takes_no_tasks()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder => builder.AddEventHandler<Order>("orders.#", (_, _) => Task.CompletedTask, "invoices"));
        ITaskEvents events = host.Services.GetRequiredService<ITaskEvents>();
        foreach (string topic in (string[])["", "orders.", "orders..created", "orders.*", "#", "a b", "task.default.probe.succeeded", "task", "worker", new string('a', 256), "\ud800"])
        {
            await Assert.ThrowsAsync<InvalidEventException>(() => events.PublishAsync(topic, new Order(1)));
        }

        await events.PublishAsync(new string('a', 255), new Order(1));
        InvalidEventException large = await Assert.ThrowsAsync<InvalidEventException>(() => events.PublishAsync("orders", new string('a', 1024 * 1024)));
        Assert.Equal(InvalidTaskReason.TooLarge, large.Reason);
        InvalidTaskException refused = await Assert.ThrowsAsync<InvalidTaskException>(
            () => host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync(NewTask.Json("probe", "") with { Queue = "sub.invoices" }));
        Assert.Contains("publish an event", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("orders..created", null)]
    [InlineData("ord*rs.created", null)]
    [InlineData("orders.##", null)]
    [InlineData("", null)]
    [InlineData("task.#", null)]
    [InlineData("orders.#", "in voices")]
    [InlineData("orders.#", "taken")]
    public void A_pattern_or_name_that_is_none_is_refused_at_once(string pattern, string? subscription)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.AddEventHandler<Order>("orders.#", (_, _) => Task.CompletedTask, "taken");
        Assert.Throws<ArgumentException>(() => builder.AddEventHandler<Order>(pattern, (_, _) => Task.CompletedTask, subscription));
    }

    private static async Task<ITaskEvents> EventsAsync(TestQueue queue)
    {
        await queue.ProducerAsync();
        return queue.Last.Services.GetRequiredService<ITaskEvents>();
    }

    private static Task PublishAsync(ITaskEvents events, int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (number, token) => await events.PublishAsync("orders.eu.created", new Order(number), token));

    private static Task Keep(ConcurrentQueue<int> got, Order order) => Keep<int>(got, order.Number);

    private static Task Keep<T>(ConcurrentQueue<T> got, T item)
    {
        got.Enqueue(item);
        return Task.CompletedTask;
    }

    private static Task Run(ConcurrentQueue<EventContext> runs, EventContext context, bool works)
    {
        runs.Enqueue(context);
        return works ? Task.CompletedTask : throw new InvalidOperationException("not yet");
    }

    private sealed record Order(int Number);
}
