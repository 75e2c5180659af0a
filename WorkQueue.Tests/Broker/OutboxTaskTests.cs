using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Outbox;
using RabbitMQ.Client;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What a task of an outbox may have, and what becomes of one that may not be sent.</summary>
[Collection(BrokerTests.Name)]
public sealed class OutboxTaskTests(BrokerFixture broker)
{
    [OutboxFact]
    public async Task Everything_that_a_task_has_goes_with_it_and_its_delay_begins_with_the_enqueue()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Queues:keyed:Lanes", "2"));
        IHost host = await database.StartAsync(queue, TestDatabase.WokenOnly);
        DateTimeOffset before = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        string id = await TestDatabase.EnqueueAsync(host, shop => shop.Enqueue("probe", "all of it", new TaskOptions
        {
            Queue = "keyed",
            Key = "k",
            Delay = TimeSpan.FromSeconds(1),
            Deadline = before.AddHours(1),
            Then = [NewTask.Json("probe", "after it")],
        }));
        await database.EmptyAsync();
        BasicGetResult? message = null;
        await using IChannel channel = await queue.PlainChannelAsync();
        await Eventually.TrueAsync(
            async () => (message = await channel.BasicGetAsync($"{queue.Prefix}.keyed", true) ?? await channel.BasicGetAsync($"{queue.Prefix}.keyed.lane-2", true)) is not null, "it comes");
        Assert.Equal((id, "probe", "k"), (message!.BasicProperties.MessageId, message.BasicProperties.Type, message.Header("wq-key")));
        DateTimeOffset notBefore = DateTimeOffset.Parse(message.Header("wq-not-before")!, CultureInfo.InvariantCulture);
        Assert.InRange(notBefore - before, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));
        Assert.Contains("after it", message.Header("wq-then"), StringComparison.Ordinal);
        Assert.NotNull(message.Header("wq-deadline"));
    }

    [OutboxFact]
    public async Task Of_a_key_there_is_one_task_however_often_it_was_committed()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        IHost host = await database.StartAsync(queue, TestDatabase.WokenOnly);
        for (int number = 0; number < 3; number++)
        {
            await TestDatabase.EnqueueAsync(host, shop => shop.Enqueue("probe", "unique", new TaskOptions { Unique = new UniqueOptions { Key = "one" } }));
        }

        await database.EmptyAsync();
        Assert.Equal(1u, await queue.ReadyAsync());
    }

    [OutboxFact]
    public async Task Bad_input_is_told_to_the_caller_and_changes_nothing()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Types:probe:Queue", "default"), ("MaxPayloadBytes", "100"));
        IHost host = await database.StartAsync(queue, TestDatabase.WokenOnly);
        await TestDatabase.InContextAsync(host, shop =>
        {
            (InvalidTaskReason Reason, Action Enqueue)[] wrong =
            [
                (InvalidTaskReason.UnknownType, () => shop.Enqueue("odd", "")),
                (InvalidTaskReason.UnknownQueue, () => shop.Enqueue("probe", "", new TaskOptions { Queue = "odd" })),
                (InvalidTaskReason.TooLarge, () => shop.Enqueue("probe", new string('x', 200))),
                (InvalidTaskReason.Malformed, () => shop.Enqueue("probe", "", new TaskOptions { Key = "no lanes" })),
                (InvalidTaskReason.Malformed, () => shop.Enqueue("probe", "", new TaskOptions { Priority = TaskPriority.High })),
                (InvalidTaskReason.Malformed, () => shop.Enqueue("probe", "", new TaskOptions { NotBefore = TimeProvider.System.GetUtcNow().AddDays(100) })),
                (InvalidTaskReason.UnknownType, () => shop.Enqueue("probe", "", new TaskOptions { Then = [NewTask.Json("odd", "")] })),
            ];
            Assert.All(wrong, one => Assert.Equal(one.Reason, Assert.Throws<InvalidTaskException>(one.Enqueue).Reason));
            Assert.Empty(shop.ChangeTracker.Entries());
            return Task.CompletedTask;
        });
        await using Shop byHand = database.Open();
        Assert.Contains("AddDbContext", Assert.Throws<InvalidOperationException>(() => byHand.Enqueue("probe", "")).Message, StringComparison.Ordinal);
    }

    [OutboxFact]
    public async Task A_task_that_the_relay_refuses_holds_up_no_other_and_is_set_aside_until_somebody_puts_it_back()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        // A later version, which knows a type more.
        IHost later = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            database.AddTo(builder, relay: null);
        });
        string odd = await TestDatabase.EnqueueAsync(later, shop => shop.Enqueue("odd", "new"));
        string late = await TestDatabase.EnqueueAsync(later, shop => shop.Enqueue("probe", "late", new TaskOptions { Deadline = TimeProvider.System.GetUtcNow().AddMilliseconds(200) }));
        string unreadable = await TestDatabase.EnqueueAsync(later, shop => shop.Enqueue("probe", "unreadable"));
        await database.RunAsync($"""UPDATE "TaskOutbox" SET "Format" = 99 WHERE "TaskId" = {unreadable}""");
        // What the broker did not take before has nothing to do with a rule.
        await database.RunAsync($"""UPDATE "TaskOutbox" SET "Attempts" = 50 WHERE "TaskId" = {odd}""");
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        string fine = await TestDatabase.EnqueueAsync(later, shop => shop.Enqueue("probe", "fine"));
        IHost relay = await queue.StartAsync(builder => database.AddTo(builder, options => (options.MaxAttempts, options.PollInterval, options.MaxRetryDelay) = (2, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1))), ("Types:probe:Queue", "default"));
        OutboxTask[] rows = [];
        await Eventually.TrueAsync(async () => (rows = await database.RowsAsync()) is { Length: 3 } && rows.All(row => row.SetAsideAt is not null), "three are set aside");
        Assert.Equal(fine, (await queue.TakeAsync("default")).BasicProperties.MessageId);
        Assert.Equal([(odd, 52, 2), (late, 1, 1), (unreadable, 2, 2)], rows.Select(row => (row.TaskId, row.Attempts, row.RuleAttempts)));
        Assert.Contains("No task type 'odd'", rows[0].Error, StringComparison.Ordinal);
        Assert.Contains("deadline", rows[1].Error, StringComparison.Ordinal);
        Assert.Contains("format is 99", rows[2].Error, StringComparison.Ordinal);
        await queue.LoggedAsync("is set aside", 3);
        await Eventually.HealthAsync(relay, report => report.Entries["outbox-Shop"] is { Status: HealthStatus.Degraded } entry && entry.Description!.Contains("3 task(s) of the outbox are set aside", StringComparison.Ordinal), "the health says so");

        await database.RunAsync($"""UPDATE "TaskOutbox" SET "Format" = 1, "SetAsideAt" = NULL WHERE "TaskId" = {unreadable}""");
        Assert.Equal(unreadable, (await queue.TakeAsync("default")).BasicProperties.MessageId);
    }
}
