using System.Diagnostics;
using System.Globalization;
using Microsoft.EntityFrameworkCore.Storage;
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
    [OutboxFact]
    public async Task What_is_committed_runs_at_once_and_what_is_rolled_back_never_does()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        IHost host = await database.StartAsync(queue, TestDatabase.WokenOnly);
        await TestDatabase.InContextAsync(host, async shop =>
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
        await database.StartAsync(queue, _ => { });
        IHost other = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            database.AddTo(builder, relay: null);
        });
        string id = await TestDatabase.EnqueueAsync(other, shop => shop.Enqueue(NewTask.Json("probe", "by another")));
        Assert.Equal(id, (await queue.Runs.NextAsync()).Id);
    }

    [OutboxFact]
    public async Task A_task_is_in_the_trace_of_the_request_that_enqueued_it()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => Task.FromResult<object?>(Activity.Current?.TraceId.ToHexString()));
        IHost host = await database.StartAsync(queue, TestDatabase.WokenOnly);
        using ActivityRecorder recorder = new();
        string id;
        using (Activity request = new Activity("request") { TraceStateString = "shop=1" }.SetIdFormat(ActivityIdFormat.W3C).Start())
        {
            request.ActivityTraceFlags = ActivityTraceFlags.Recorded;
            id = await TestDatabase.EnqueueAsync(host, shop => shop.Enqueue("probe", "traced"));
            await queue.Runs.NextAsync();
            await Eventually.TrueAsync(() => recorder.Of(id).Length == 2, "both spans");
            Assert.All(recorder.Of(id), span => Assert.Equal((request.TraceId, "shop=1"), (span.TraceId, span.TraceStateString)));
        }

        Activity[] spans = recorder.Of(id);
        Assert.Equal(spans.Single(span => span.Kind == ActivityKind.Producer).SpanId, spans.Single(span => span.Kind == ActivityKind.Consumer).ParentSpanId);
    }

    [OutboxFact]
    public async Task Two_relays_share_a_table_without_doubles_and_keep_the_order_of_each_sequence()
    {
        const int Transactions = 40, Each = 10, Keys = 5;
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Queues:keyed:Lanes", "2"), ("Queues:ordered:Lanes", "1"), ("Queues:ordered:Ordered", "true"));
        IHost[] hosts = [await database.StartAsync(queue, options => options.BatchSize = 20), await database.StartAsync(queue, options => options.BatchSize = 20)];
        for (int transaction = 0; transaction < Transactions; transaction++)
        {
            int first = transaction * Each;
            await TestDatabase.InContextAsync(hosts[transaction % 2], async shop =>
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
}
