using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Flow;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>At most so many tasks of a queue at once, over all workers (docs/flow.md).</summary>
[Collection(BrokerTests.Name)]
public sealed class LimitTests(BrokerFixture broker)
{
    private readonly Ledger _ledger = new();

    [BrokerTheory]
    [InlineData("1")]
    [InlineData("adaptive")]
    public async Task Two_workers_of_eight_slots_run_three_at_once_and_never_more(string prefetch)
    {
        const int Most = 3;
        const int Tasks = 90;
        await using TestQueue queue = Limited(Most, ("Worker:Concurrency", "8"), ("Worker:Prefetch", prefetch));
        await EnqueueAsync(await queue.ProducerAsync(), Tasks);
        IHost[] workers = [await queue.WorkerAsync(CountAsync), await queue.WorkerAsync(CountAsync)];
        await Eventually.TrueAsync(() => queue.Runs.All.Count == Tasks && _ledger.Running == 0, "all have run");
        Assert.Equal(Most, _ledger.MostAtOnce);
        Assert.Equal(Most, workers.Sum(worker => worker.Services.GetRequiredService<PermitPools>().Used["default"]));
        // Those that may not take are no fault.
        Assert.All(workers, worker => Assert.Null(worker.Services.GetRequiredService<TaskWorkerService>().Problem));
    }

    [BrokerFact]
    public async Task What_a_worker_that_stops_held_another_has_within_seconds()
    {
        await using TestQueue queue = Limited(1);
        ITaskQueue producer = await queue.ProducerAsync();
        IHost first = await queue.WorkerAsync(CountAsync);
        await Eventually.TrueAsync(() => IsConsuming(first), "the first takes");
        IHost second = await queue.WorkerAsync(CountAsync);
        Assert.False(IsConsuming(second));
        long start = TimeProvider.System.GetTimestamp();
        await first.StopAsync();
        await Eventually.TrueAsync(() => IsConsuming(second), "the second takes");
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        await producer.ProbeAsync();
        await queue.Runs.NextAsync();
    }

    [BrokerFact]
    public async Task A_slot_that_may_not_take_from_a_queue_takes_from_its_others()
    {
        await using TestQueue queue = Limited(1, ("Queues:other:Type", "quorum"), ("Worker:Queues", "default,other"));
        ITaskQueue producer = await queue.ProducerAsync();
        TaskCompletionSource<object?> hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await queue.WorkerAsync((text, _) => text == "holds" ? hold.Task : Task.FromResult<object?>(null), ("Worker:Concurrency", "2"));
        await producer.ProbeAsync("holds");
        await queue.Runs.NextAsync();
        await producer.ProbeAsync("waits");
        foreach (int number in Enumerable.Range(0, 30))
        {
            await producer.EnqueueAsync(NewTask.Json("probe", $"{number}") with { Queue = "other" });
        }

        await Eventually.TrueAsync(() => queue.Runs.All.Count == 31, "all of the other queue have run");
        Assert.DoesNotContain(queue.Runs.All, run => run.Text == "waits");
        hold.SetResult(null);
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "waits"), "what waited runs");
    }

    [BrokerFact]
    public async Task A_lost_connection_loses_its_permits_and_gets_others()
    {
        await using TcpProxy link = new(new Uri(broker.ConnectionString).Port);
        await using TestQueue queue = Limited(2, ("Worker:Concurrency", "4"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync(CountAsync);
        await queue.StartAsync(
            builder =>
            {
                builder.Configuration["ConnectionStrings:rabbitmq"] = link.Over(broker.ConnectionString);
                builder.Services.AddSingleton(new ProbeBehaviour(queue.Runs, CountAsync));
                builder.AddTaskWorker();
                builder.AddTaskHandler<string, ProbeHandler>("probe");
            });
        foreach (int cut in Enumerable.Range(0, 3))
        {
            await EnqueueAsync(producer, 40);
            link.Cut();
            int all = (cut + 1) * 40;
            await Eventually.TrueAsync(() => queue.Runs.All.Select(run => run.Context.Id).Distinct().Count() == all && _ledger.Running == 0, "all have run");
        }

        // What is cut may still run for a moment, and its task elsewhere.
        Assert.InRange(_ledger.MostAtOnce, 2, 4);
    }

    private TestQueue Limited(int most, params (string, string)[] settings) =>
        new(broker, [("Queues:default:MaxRunning", most.ToString(CultureInfo.InvariantCulture)), .. settings]);

    private static bool IsConsuming(IHost worker) => worker.Services.GetRequiredService<TaskWorkerService>().Slots.Any(slot => slot.IsConsuming);

    private static Task<EnqueuedTask[]> EnqueueAsync(ITaskQueue producer, int count) => Task.WhenAll(Enumerable.Range(0, count).Select(number => producer.ProbeAsync($"{number}")));

    private Task<object?> CountAsync(string text, TaskContext context) => _ledger.BrieflyAsync(context);
}
