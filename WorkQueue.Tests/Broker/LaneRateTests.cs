using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Flow;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Broker;

/// <summary>At most so many tasks of a type or of a key start in a time, over all workers (docs/flow.md).</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class LaneRateTests(BrokerFixture broker, ITestOutputHelper output)
{
    // A handler begins some milliseconds after its permit was used, now more, now less.
    private static readonly TimeSpan NearlyASecond = TimeSpan.FromSeconds(0.95);

    private readonly Ledger _ledger = new();
    private readonly Ledger _others = new();

    [BrokerFact]
    public async Task Two_workers_start_as_many_of_a_type_as_its_rate_allows_and_meanwhile_those_of_another()
    {
        const int Rate = 8;
        const int Windows = 3;
        const int Others = 300;
        await using TestQueue queue = Typed($"{Rate}/00:00:01", ("Worker:Concurrency", "2"));
        ITaskQueue producer = await queue.ProducerAsync();
        // What the first of all windows may have begins with the leader.
        await SendAsync(producer, "probe", ((Windows + 2) * Rate) - 1);
        await using IChannel plain = await queue.PlainChannelAsync();
        // As one that knows nothing of lanes.
        await plain.BasicPublishAsync($"{queue.Prefix}.tasks", "default", mandatory: true, new BasicProperties { Type = "probe", Persistent = true, MessageId = "foreign" }, "\"\""u8.ToArray());
        await SendAsync(producer, "other", Others);
        IHost[] workers = [await WorkerAsync(queue), await WorkerAsync(queue)];
        // At least: a task may be delivered twice.
        await Eventually.TrueAsync(() => _others.Starts.Count >= Others, "all of the other type have run");
        await Eventually.TrueAsync(() => _ledger.Starts.Count >= (Windows + 2) * Rate, "all of the type have run");
        IReadOnlyList<TimeSpan> starts = _ledger.Starts;
        TimeSpan took = starts[((Windows + 1) * Rate) - 1] - starts[Rate - 1];
        output.WriteLine($"{Windows * Rate} started in {took}; at most {_ledger.MostStartsIn(NearlyASecond)} in nearly a second; the others in {_others.Starts[^1] - _others.Starts[0]}");
        Assert.InRange(took, TimeSpan.FromSeconds(Windows * 0.9), TimeSpan.FromSeconds(Windows * 1.3));
        Assert.InRange(_ledger.MostStartsIn(NearlyASecond), 1, Rate);
        // At the pace of the first they would take many times as long.
        Assert.InRange(_others.Starts[Others / 2], TimeSpan.Zero, starts[^1]);
        Assert.All(workers, worker => Assert.Null(worker.Services.GetRequiredService<TaskWorkerService>().Problem));
    }

    [BrokerFact]
    public async Task What_waits_for_the_rate_of_its_type_holds_no_slot_and_a_retry_is_a_start()
    {
        const int Others = 30;
        await using TestQueue queue = Typed("1/00:00:02", ("Worker:Concurrency", "1"), ("Retry:Delays:0", "00:00:00.050"));
        ITaskQueue producer = await queue.ProducerAsync();
        await SendAsync(producer, "probe", 1);
        await WorkerAsync(queue, async context =>
        {
            await _ledger.BrieflyAsync(context);
            if (context.Attempt == 1)
            {
                throw new InvalidOperationException("again");
            }
        });
        await queue.Runs.NextAsync();
        await SendAsync(producer, "other", Others);
        TaskContext again = await queue.Runs.NextAsync();
        Assert.Equal((2, false), (again.Attempt, again.Redelivered));
        await Eventually.TrueAsync(() => _ledger.Starts.Count >= 2 && _others.Starts.Count >= Others, "all have run");
        Assert.InRange(_ledger.Starts[1] - _ledger.Starts[0], TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(5));
        Assert.InRange(_others.Starts.Count(start => start < _ledger.Starts[1]), 1, Others);
    }

    [BrokerFact]
    public async Task A_type_with_a_rate_and_a_limit_keeps_both_and_both_are_told()
    {
        const int Tasks = 120;
        await using TestQueue queue = Typed("40/00:00:01", ("Types:probe:MaxRunning", "2"), ("Worker:Concurrency", "4"));
        ITaskQueue producer = await queue.ProducerAsync();
        IQueueCounts counts = queue.Last.Services.GetRequiredService<IQueueCounts>();
        await SendAsync(producer, "probe", Tasks);
        IHost worker = await WorkerAsync(queue, context => _ledger.BrieflyAsync(context));
        RatePools rates = worker.Services.GetRequiredService<PermitPools>().Rates;
        await Eventually.TrueAsync(() => rates.Held.GetValueOrDefault("default:type-probe") is > 0 and <= 40, "it has permits");
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= Tasks && _ledger.Running == 0, "all have run");
        Assert.Equal(2, _ledger.MostAtOnce);
        Assert.InRange(_ledger.MostStartsIn(NearlyASecond), 1, 40);
        await Eventually.TrueAsync(() => counts.Current.Any(count => count.Queue == "default"), "it is counted");
        Assert.Equal([("", null, null), ("type-probe", 2, "40 per 00:00:01")], counts.Current.Single(count => count.Queue == "default").Lanes.Select(lane => (lane.Name, lane.Limit, lane.Rate)));
    }

    [BrokerFact]
    public async Task Two_workers_start_as_many_of_a_key_as_its_rate_allows_and_those_of_another_key_meanwhile()
    {
        const int Rate = 10;
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "4"), ("Queues:default:RatePerKey", $"{Rate}/00:00:01"), ("Queues:default:MaxRunningPerKey", "2"), ("Worker:Concurrency", "2"));
        ITaskQueue producer = await queue.ProducerAsync();
        Dictionary<string, Ledger> ledgers = new() { ["tenant-1"] = new(), ["tenant-2"] = new() };
        await SendAsync(producer, "probe", 4 * Rate, "tenant-1");
        async Task<object?> CountAsync(string key, TaskContext context)
        {
            await ledgers[key].BrieflyAsync(context);
            return null;
        }

        IHost[] workers = [await queue.WorkerAsync(CountAsync), await queue.WorkerAsync(CountAsync)];
        await Eventually.TrueAsync(() => ledgers["tenant-1"].Starts.Count > Rate, "those of the one key have used up a window");
        int before = ledgers["tenant-1"].Starts.Count;
        await SendAsync(producer, "probe", Rate, "tenant-2");
        await Eventually.TrueAsync(() => ledgers["tenant-2"].Starts.Count >= Rate, "those of the other have run");
        Assert.InRange(ledgers["tenant-1"].Starts.Count - before, 0, 2 * Rate);
        await Eventually.TrueAsync(() => ledgers["tenant-1"].Starts.Count >= 4 * Rate && ledgers.Values.All(ledger => ledger.Running == 0), "all have run");
        Assert.All(ledgers.Values, ledger => Assert.InRange(ledger.MostStartsIn(NearlyASecond), 1, Rate));
        Assert.All(ledgers.Values, ledger => Assert.InRange(ledger.MostAtOnce, 1, 2));
        // Two of the four lanes have had no task.
        Assert.All(workers, worker => Assert.InRange(worker.Services.GetRequiredService<PermitPools>().Rates.Held.Count, 0, 2));
    }

    private TestQueue Typed(string rate, params (string, string)[] settings) => new(broker, [("Types:probe:Rate", rate), ("Types:other:Timeout", "00:01:00"), .. settings]);

    private Task<IHost> WorkerAsync(TestQueue queue, Func<TaskContext, Task>? handle = null) => queue.StartAsync(builder =>
    {
        builder.Services.AddSingleton(new ProbeBehaviour(queue.Runs, async (_, context) =>
        {
            await (handle is null ? _ledger.BrieflyAsync(context) : handle(context));
            return null;
        }));
        builder.AddTaskWorker();
        builder.AddTaskHandler<string, ProbeHandler>("probe");
        builder.AddTaskHandler<string>("other", (_, context) => _others.BrieflyAsync(context));
    });

    private static Task<EnqueuedTask[]> SendAsync(ITaskQueue producer, string type, int count, string? key = null) => Task.WhenAll(
        Enumerable.Range(0, count).Select(_ => producer.EnqueueAsync(NewTask.Json(type, key ?? "") with { Key = key })));
}
