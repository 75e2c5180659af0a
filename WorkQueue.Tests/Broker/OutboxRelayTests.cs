using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Outbox;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore.Relaying;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What the relay does where the broker, a queue or the database does not do what it should.</summary>
[Collection(BrokerTests.Name)]
public sealed class OutboxRelayTests(BrokerFixture broker)
{
    [OutboxFact]
    public async Task Without_a_broker_a_task_with_a_key_waits_as_all_others_do_and_more_than_ten_thousand_are_not_counted()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.Configuration["ConnectionStrings:rabbitmq"] = "amqp://127.0.0.1:1";
            database.AddTo(builder, _ => { });
        });
        await TestDatabase.EnqueueAsync(host, shop => shop.Enqueue("probe", "unique", new TaskOptions { Unique = new UniqueOptions { Key = "one" } }));
        await queue.LoggedAsync("The outbox of Shop waits");
        OutboxTask row = Assert.Single(await database.RowsAsync());
        Assert.Equal((0, null), (row.Attempts, row.NextTryAt));

        await FillAsync(database, 10_050, 1);
        await Eventually.HealthAsync(
            host,
            report => report.Entries["outbox-Shop"] is { Status: HealthStatus.Degraded } entry && entry.Description!.StartsWith("over 10,000 task(s) wait in the outbox", StringComparison.Ordinal),
            "the health says so");
    }

    [OutboxFact]
    public async Task A_queue_that_is_full_holds_up_no_other_and_gets_the_rest_when_there_is_room()
    {
        const int Tasks = 12;
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Queues:small:MaxLength", "1"));
        ITaskQueue producer = await queue.ProducerAsync();
        IHost writer = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            database.AddTo(builder, relay: null);
        });
        IHost relay = await database.StartAsync(queue, options => (options.BatchSize, options.PollInterval, options.MaxRetryDelay) = (4, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)));
        HashSet<string> small = [(await producer.EnqueueAsync(NewTask.Json("probe", "first") with { Queue = "small" })).Id];
        // Counted once a second: by then all of them could be sent.
        IQueueCounts counts = relay.Services.GetRequiredService<IQueueCounts>();
        await Eventually.TrueAsync(() => counts.Current.Any(count => count is { Queue: "small", Ready: >= 1 }), "the queue counts as full");
        for (int task = 0; task < Tasks; task++)
        {
            small.Add(await TestDatabase.EnqueueAsync(writer, shop => shop.Enqueue("probe", task, new TaskOptions { Queue = "small" })));
        }

        string other = await TestDatabase.EnqueueAsync(writer, shop => shop.Enqueue("probe", "other"));
        Assert.Equal(other, (await queue.TakeAsync("default")).BasicProperties.MessageId);
        await queue.LoggedAsync("was not taken at attempt");
        while (small.Count > 0)
        {
            Assert.True(small.Remove((await queue.TakeAsync("small")).BasicProperties.MessageId!));
        }

        await database.EmptyAsync();
    }

    [OutboxFact]
    public async Task What_was_sent_and_cannot_be_deleted_is_not_sent_again()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await database.RunAsync($"CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
        await database.RunAsync($"""CREATE TRIGGER keep BEFORE DELETE ON "TaskOutbox" FOR EACH ROW EXECUTE FUNCTION keep()""");
        IHost host = await database.StartAsync(queue, options => options.PollInterval = TimeSpan.FromMilliseconds(50));
        List<string> ids = [];
        for (int round = 0; round < 3; round++)
        {
            // Each is sent in a round that has those before it too.
            ids.Add(await TestDatabase.EnqueueAsync(host, shop => shop.Enqueue("probe", "kept")));
            Assert.Equal(ids[^1], (await queue.TakeAsync("default")).BasicProperties.MessageId);
        }

        await Eventually.HealthAsync(
            host, report => report.Entries["outbox-Shop"] is { Status: HealthStatus.Unhealthy } entry && entry.Description!.Contains("0 could be deleted", StringComparison.Ordinal), "the health says so");
        await queue.LoggedAsync("cannot be read or written");
        Assert.Equal(ids, (await database.RowsAsync()).Select(row => row.TaskId));
        await database.RunAsync($"""DROP TRIGGER keep ON "TaskOutbox" """);
        await database.EmptyAsync();
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [OutboxFact]
    public async Task A_batch_has_so_many_tasks_as_come_to_sixteen_mebibytes_and_at_least_one()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await FillAsync(database, 3, 6_000_000);
        await FillAsync(database, 1, 20_000_000);
        int[] sizes = new int[2];
        for (int batch = 0; batch < sizes.Length; batch++)
        {
            await using Shop shop = database.Open();
            await using OutboxBatch taken = await OutboxBatch.TakeAsync(shop, OutboxTable.ForRelay(shop), new BatchLimits(100, TimeSpan.FromMinutes(1), [], []), CancellationToken.None);
            Assert.True(taken.IsFull);
            sizes[batch] = taken.Rows.Count;
            await taken.EndAsync([.. taken.Rows.Select(row => row.Id)], []);
        }

        Assert.Equal([2, 1], sizes);
        OutboxTask left = Assert.Single(await database.RowsAsync());
        Assert.Equal(20_000_000, left.Task.Length);
    }

    private static Task FillAsync(TestDatabase database, int count, int length) => database.RunAsync(
        $"""
        INSERT INTO "TaskOutbox" ("TaskId", "Type", "Queue", "EnqueuedAt", "Attempts", "RuleAttempts", "Format", "Task")
        SELECT 'task-' || number, 'probe', 'default', now(), 0, 0, 1, repeat('x', {length}) FROM generate_series(1, {count}) AS number
        """);
}
