using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Flow;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Broker;

/// <summary>At most so many tasks of a queue start in a time, over all workers (docs/flow.md).</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class RateTests(BrokerFixture broker, ITestOutputHelper output)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly Ledger _ledger = new();

    [BrokerFact]
    public async Task Two_workers_start_as_many_as_the_rate_allows_and_in_no_window_more()
    {
        const int Rate = 20;
        const int Windows = 10;
        await using TestQueue queue = Rated("20/00:00:01", ("Worker:Concurrency", "8"), ("Worker:Prefetch", "adaptive"));
        // What the first of all windows may have begins with the leader.
        await EnqueueAsync(await queue.ProducerAsync(), (Windows + 2) * Rate);
        IHost[] workers = [await queue.WorkerAsync(CountAsync), await queue.WorkerAsync(CountAsync)];
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= (Windows + 1) * Rate, "the windows are over");
        IReadOnlyList<TimeSpan> starts = _ledger.Starts;
        TimeSpan took = starts[((Windows + 1) * Rate) - 1] - starts[Rate - 1];
        output.WriteLine($"{Windows * Rate} started in {took}; at most {_ledger.MostStartsIn(Second)} in a window");
        Assert.InRange(took, Windows * Second * 0.95, Windows * Second * 1.05);
        // A handler begins some milliseconds after its permit was used, now more, now less.
        Assert.InRange(_ledger.MostStartsIn(Second * 0.95), 1, Rate);
        // Those that may not take are no fault.
        Assert.All(workers, worker => Assert.Null(worker.Services.GetRequiredService<TaskWorkerService>().Problem));
    }

    [BrokerFact]
    public async Task What_waits_for_the_rate_is_in_its_queue_and_holds_no_slot_and_is_no_attempt()
    {
        await using TestQueue queue = Rated("1/00:00:02", ("Queues:other:Type", "quorum"), ("Worker:Queues", "default,other"), ("Worker:Concurrency", "1"));
        ITaskQueue producer = await queue.ProducerAsync();
        await EnqueueAsync(producer, 2);
        await queue.WorkerAsync(CountAsync);
        await queue.Runs.NextAsync();
        foreach (int number in Enumerable.Range(0, 30))
        {
            await producer.EnqueueAsync(NewTask.Json("probe", "other") with { Queue = "other" });
        }

        await Eventually.TrueAsync(() => queue.Runs.All.Count(run => run.Text == "other") == 30, "all of the other queue have run");
        Assert.Equal(31, queue.Runs.All.Count);
        Assert.Equal(1u, await queue.ReadyAsync());
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 32, "what waited runs");
        TaskContext last = queue.Runs.All.Last().Context;
        Assert.Equal((1, false), (last.Attempt, last.Redelivered));
        Assert.InRange(_ledger.Starts[^1] - _ledger.Starts[0], 1.9 * Second, 3.5 * Second);
    }

    [BrokerFact]
    public async Task A_queue_with_a_rate_and_a_limit_keeps_both()
    {
        await using TestQueue queue = Rated("400/00:00:01", ("Queues:default:MaxRunning", "2"), ("Worker:Concurrency", "4"));
        await EnqueueAsync(await queue.ProducerAsync(), 60);
        IHost worker = await queue.WorkerAsync(CountAsync);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 60 && _ledger.Running == 0, "all have run");
        Assert.Equal(2, _ledger.MostAtOnce);
        // A slot that waits for tasks has one.
        await Eventually.TrueAsync(() => worker.Services.GetRequiredService<PermitPools>().Rates.Held["default"] is > 0 and <= 400, "it has permits");
    }

    [BrokerFact]
    public async Task Where_who_leads_knows_nothing_of_rates_the_queue_rests_and_the_worker_says_why()
    {
        await using TestQueue queue = Rated("100/00:00:01");
        IHost worker = await queue.StartAsync(builder =>
        {
            builder.Services.AddSingleton(new ProbeBehaviour(queue.Runs, CountAsync));
            builder.AddTaskWorker();
            builder.AddTaskHandler<string, ProbeHandler>("probe");
            builder.Services.Remove(builder.Services.Single(service => service.ImplementationType == typeof(RateKeeper)));
        });
        await worker.Services.GetRequiredService<ITaskQueue>().ProbeAsync();
        await Eventually.HealthAsync(
            worker, report => report.Entries.Values.Any(entry => entry is { Status: HealthStatus.Unhealthy, Description: { } why } && why.Contains("how many may start is not known", StringComparison.Ordinal)), "it says why");
        Assert.Empty(queue.Runs.All);
    }

    private TestQueue Rated(string rate, params (string, string)[] settings) => new(broker, [("Queues:default:Rate", rate), .. settings]);

    private static Task<EnqueuedTask[]> EnqueueAsync(ITaskQueue producer, int count) => Task.WhenAll(Enumerable.Range(0, count).Select(number => producer.ProbeAsync($"{number}")));

    private Task<object?> CountAsync(string text, TaskContext context) => text == "other" ? Task.FromResult<object?>(null) : _ledger.BrieflyAsync(context);
}
