using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Outbox;
using RabbitMQ.Client;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Tasks that are enqueued in the transaction of a database.</summary>
[Collection(BrokerTests.Name)]
public sealed class OutboxTests(BrokerFixture broker)
{
    // So that only what wakes the relay can send in time.
    private static readonly Action<TaskOutboxOptions> WokenOnly = options => options.PollInterval = TimeSpan.FromMinutes(1);

    [OutboxFact]
    public async Task What_is_committed_runs_at_once_and_what_is_rolled_back_never_does()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        IHost host = await StartAsync(queue, database, WokenOnly);
        await InContextAsync(host, async shop =>
        {
            await using (IDbContextTransaction transaction = await shop.Database.BeginTransactionAsync())
            {
                shop.Enqueue("probe", "rolled back");
                shop.Orders.Add(new Order { Number = "1", InvoiceTask = "" });
                await shop.SaveChangesAsync();
                await transaction.RollbackAsync();
            }

            shop.ChangeTracker.Clear();
            await using IDbContextTransaction committed = await shop.Database.BeginTransactionAsync();
            string first = shop.Enqueue("probe", "in a transaction");
            await shop.SaveChangesAsync();
            Assert.Empty(queue.Runs.All);
            await committed.CommitAsync();
            Assert.Equal(first, (await queue.Runs.NextAsync()).Id);

            string second = shop.Enqueue("probe", "by SaveChanges alone");
            await shop.SaveChangesAsync();
            Assert.Equal(second, (await queue.Runs.NextAsync()).Id);
        });
        await database.EmptyAsync();
        Assert.Equal(["in a transaction", "by SaveChanges alone"], queue.Runs.All.Select(run => run.Text));
    }

    [OutboxFact]
    public async Task What_a_program_without_a_relay_commits_is_sent_by_one_that_has_one()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await StartAsync(queue, database, _ => { });
        IHost other = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            database.AddTo(builder, relay: null);
        });
        string id = await EnqueueAsync(other, shop => shop.Enqueue(NewTask.Json("probe", "by another")));
        Assert.Equal(id, (await queue.Runs.NextAsync()).Id);
    }

    [OutboxFact]
    public async Task A_task_is_in_the_trace_of_the_request_that_enqueued_it()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => Task.FromResult<object?>(Activity.Current?.TraceId.ToHexString()));
        IHost host = await StartAsync(queue, database, WokenOnly);
        using ActivityRecorder recorder = new();
        string id;
        using (Activity request = new Activity("request") { TraceStateString = "shop=1" }.SetIdFormat(ActivityIdFormat.W3C).Start())
        {
            request.ActivityTraceFlags = ActivityTraceFlags.Recorded;
            id = await EnqueueAsync(host, shop => shop.Enqueue("probe", "traced"));
            await queue.Runs.NextAsync();
            await Eventually.TrueAsync(() => recorder.Of(id).Length == 2, "both spans");
            Assert.All(recorder.Of(id), span => Assert.Equal((request.TraceId, "shop=1"), (span.TraceId, span.TraceStateString)));
        }

        Activity[] spans = recorder.Of(id);
        Assert.Equal(spans.Single(span => span.Kind == ActivityKind.Producer).SpanId, spans.Single(span => span.Kind == ActivityKind.Consumer).ParentSpanId);
    }

    [OutboxFact]
    public async Task Everything_that_a_task_has_goes_with_it_and_its_delay_begins_with_the_enqueue()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Queues:keyed:Lanes", "2"));
        IHost host = await StartAsync(queue, database, WokenOnly);
        DateTimeOffset before = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        string id = await EnqueueAsync(host, shop => shop.Enqueue("probe", "all of it", new TaskOptions
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
        IHost host = await StartAsync(queue, database, WokenOnly);
        for (int number = 0; number < 3; number++)
        {
            await EnqueueAsync(host, shop => shop.Enqueue("probe", "unique", new TaskOptions { Unique = new UniqueOptions { Key = "one" } }));
        }

        await database.EmptyAsync();
        Assert.Equal(1u, await queue.ReadyAsync());
    }

    [OutboxFact]
    public async Task Bad_input_is_told_to_the_caller_and_changes_nothing()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Types:probe:Queue", "default"), ("MaxPayloadBytes", "100"));
        IHost host = await StartAsync(queue, database, WokenOnly);
        await InContextAsync(host, shop =>
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
        string odd = await EnqueueAsync(later, shop => shop.Enqueue("odd", "new"));
        string late = await EnqueueAsync(later, shop => shop.Enqueue("probe", "late", new TaskOptions { Deadline = TimeProvider.System.GetUtcNow().AddMilliseconds(200) }));
        string unreadable = await EnqueueAsync(later, shop => shop.Enqueue("probe", "unreadable"));
        await database.RunAsync($"""UPDATE "TaskOutbox" SET "Format" = 99 WHERE "TaskId" = {unreadable}""");
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        string fine = await EnqueueAsync(later, shop => shop.Enqueue("probe", "fine"));
        IHost relay = await queue.StartAsync(builder => database.AddTo(builder, options => options.MaxAttempts = 2), ("Types:probe:Queue", "default"));
        Assert.Equal(fine, (await queue.TakeAsync("default")).BasicProperties.MessageId);

        OutboxTask[] rows = [];
        await Eventually.TrueAsync(async () => (rows = await database.RowsAsync()) is { Length: 3 } && rows.All(row => row.SetAsideAt is not null), "three are set aside");
        Assert.Equal([(odd, 2), (late, 1), (unreadable, 2)], rows.Select(row => (row.TaskId, row.Attempts)));
        Assert.Contains("No task type 'odd'", rows[0].Error, StringComparison.Ordinal);
        Assert.Contains("deadline", rows[1].Error, StringComparison.Ordinal);
        Assert.Contains("format is 99", rows[2].Error, StringComparison.Ordinal);
        await queue.LoggedAsync("is set aside", 3);
        await Eventually.HealthAsync(relay, report => report.Entries["outbox-Shop"] is { Status: HealthStatus.Degraded } entry && entry.Description!.Contains("3 task(s) of the outbox are set aside", StringComparison.Ordinal), "the health says so");

        await database.RunAsync($"""UPDATE "TaskOutbox" SET "Format" = 1, "SetAsideAt" = NULL WHERE "TaskId" = {unreadable}""");
        Assert.Equal(unreadable, (await queue.TakeAsync("default")).BasicProperties.MessageId);
    }

    [OutboxFact]
    public async Task Two_relays_share_a_table_without_doubles_and_keep_the_order_of_each_sequence()
    {
        const int Transactions = 40, Each = 10, Keys = 5;
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Queues:keyed:Lanes", "2"), ("Queues:ordered:Lanes", "1"), ("Queues:ordered:Ordered", "true"));
        IHost[] hosts = [await StartAsync(queue, database, options => options.BatchSize = 20), await StartAsync(queue, database, options => options.BatchSize = 20)];
        for (int transaction = 0; transaction < Transactions; transaction++)
        {
            int first = transaction * Each;
            await InContextAsync(hosts[transaction % 2], async shop =>
            {
                for (int number = first; number < first + Each; number++)
                {
                    (string to, string? key) = (number % 3) switch { 0 => ("default", null), 1 => ("keyed", $"k{number % Keys}"), _ => ("ordered", (string?)null) };
                    shop.Enqueue("probe", number, new TaskOptions { Queue = to, Key = key });
                }

                await shop.SaveChangesAsync();
            });
        }

        await database.EmptyAsync();
        int[] plain = await TakeAllAsync(queue, "default"), ordered = await TakeAllAsync(queue, "ordered");
        int[][] lanes = [await TakeAllAsync(queue, "keyed"), await TakeAllAsync(queue, "keyed.lane-2")];
        Assert.Equal(Enumerable.Range(0, Transactions * Each), plain.Concat(ordered).Concat(lanes.SelectMany(lane => lane)).Order());
        Assert.Equal(ordered.Order(), ordered);
        Assert.All(lanes, lane => Assert.All(lane.GroupBy(number => number % Keys), key => Assert.Equal(key.Order(), key)));
    }

    private static async Task<int[]> TakeAllAsync(TestQueue queue, string name)
    {
        await using IChannel channel = await queue.PlainChannelAsync();
        List<int> numbers = [];
        while (await channel.BasicGetAsync($"{queue.Prefix}.{name}", autoAck: true) is { } message)
        {
            numbers.Add(int.Parse(System.Text.Encoding.UTF8.GetString(message.Body.Span), CultureInfo.InvariantCulture));
        }

        return [.. numbers];
    }

    private static Task<IHost> StartAsync(TestQueue queue, TestDatabase database, Action<TaskOutboxOptions> relay) => queue.StartAsync(builder => database.AddTo(builder, relay));

    private static async Task<string> EnqueueAsync(IHost host, Func<Shop, string> enqueue)
    {
        string id = "";
        await InContextAsync(host, async shop =>
        {
            id = enqueue(shop);
            await shop.SaveChangesAsync();
        });
        return id;
    }

    private static async Task InContextAsync(IHost host, Func<Shop, Task> work)
    {
        await using AsyncServiceScope scope = host.Services.CreateAsyncScope();
        await work(scope.ServiceProvider.GetRequiredService<Shop>());
    }
}
