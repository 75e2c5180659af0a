using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Nodes of a cluster of three are killed; the programs know the addresses of all three.</summary>
[Collection(FaultSuite.Name)]
public sealed class ClusterFaultTests(FaultCluster cluster, FaultReport report) : IClassFixture<FaultCluster>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    // A stream that had lost its majority takes its time to elect a leader (up to two minutes seen on RabbitMQ 3.10, on a busy machine).
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(180);

    [ClusterFact(Timeout = 180_000)]
    public async Task Publishing_and_consuming_go_on_elsewhere_when_the_node_that_leads_the_queue_is_killed()
    {
        const int Tasks = 3000;
        // What was on its way to the dead node may never be answered; who waits for it waits as long as this.
        await using FaultQueue queue = await CreateAsync(("Worker:Concurrency", "4"), ("ConfirmTimeout", "00:00:05"));
        ITaskQueue producer = await queue.ProducerAsync();
        Pauses confirms = new(), runs = new();
        await queue.WorkerAsync((_, context) =>
        {
            runs.Mark();
            return Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, context.CancellationToken);
        });
        await queue.EnqueueAsync(producer, 1);
        ClusterNode leader = await cluster.LeaderAsync($"{queue.Prefix}.default");
        // A queue is led from where it was declared, so one of the connections is to that node.
        Assert.Contains(queue.Logged, line => IsConnected(line, leader));

        Task load = Parallel.ForEachAsync(Enumerable.Range(1, Tasks), new ParallelOptions { MaxDegreeOfParallelism = 100 }, async (number, _) =>
        {
            await queue.EnqueueAsync(producer, FaultQueue.Probe(number));
            confirms.Mark();
        });
        await Eventually.TrueAsync(() => queue.Ledger.Confirmed > Tasks / 3, "a third is confirmed");
        confirms.Start();
        runs.Start();
        await leader.KillAsync();
        await load;
        await queue.AllDoneAsync(TimeSpan.FromSeconds(60));
        Balance balance = await queue.CloseAsync();
        Assert.Equal(Tasks + 1, balance.Confirmed);
        report.Add(
            "cluster of three: the queue's leader killed under load", balance,
            $"longest pause between confirms: {Seconds(confirms.Longest)}, between runs: {Seconds(runs.Longest)}");
        Assert.InRange(confirms.Longest, TimeSpan.Zero, Limit);
        Assert.InRange(runs.Longest, TimeSpan.Zero, Limit);
    }

    [ClusterFact(Timeout = 420_000)]
    public async Task Without_a_majority_no_enqueue_hangs_and_who_waits_in_vain_says_so_and_with_one_all_goes_on_by_itself()
    {
        TimeSpan confirm = TimeSpan.FromSeconds(5);
        await using FaultQueue queue = await CreateAsync(("ConfirmTimeout", $"{confirm}"), ("Worker:Concurrency", "4"));
        ITaskQueue moving = await queue.ProducerAsync();
        await queue.EnqueueAsync(moving, 1);
        ClusterNode leader = await cluster.LeaderAsync($"{queue.Prefix}.default");
        ClusterNode[] others = [.. cluster.Nodes.Where(node => node != leader)];
        // These two keep their connections, which is the harder case: nothing tells them that the queue has no leader.
        Action<IHostApplicationBuilder> stay = builder => builder.Configuration["ConnectionStrings:rabbitmq"] = others[0].ConnectionString;
        IHost front = await queue.StartAsync(builder =>
        {
            stay(builder);
            builder.AddTaskQueue();
        });
        IHost worker = await queue.WorkerAsync(configure: stay);
        ITaskQueue staying = front.Services.GetRequiredService<ITaskQueue>();
        await Task.WhenAll(queue.EnqueueAsync(moving, 250), queue.EnqueueAsync(staying, 250));
        await queue.AllDoneAsync();

        await Task.WhenAll(leader.KillAsync(), others[1].KillAsync());
        (ITaskQueue Producer, NewTask Task)[] tasks = [.. Enumerable.Range(0, 400).Select(number => (number % 2 == 0 ? moving : staying, FaultQueue.Probe(number)))];
        (PublishOutcome? Outcome, TimeSpan After)[] enqueues = await Task.WhenAll(tasks.Select(each => OutcomeAsync(each.Producer, each.Task)));
        // A broker that still looks for a leader does not answer; one that has given up refuses, and then the caller knows.
        Assert.All(enqueues, enqueue => Assert.Contains(enqueue.Outcome, (PublishOutcome?[])[PublishOutcome.Unknown, PublishOutcome.Unavailable, PublishOutcome.Refused]));
        // It may wait for a place among those in flight, and then for its own confirm.
        Assert.All(enqueues, enqueue => Assert.InRange(enqueue.After, TimeSpan.Zero, (2 * confirm) + TimeSpan.FromSeconds(3)));
        await HealthAsync(front, HealthStatus.Unhealthy);
        await HealthAsync(worker, HealthStatus.Unhealthy);

        // Not the old leader: who still asks that one must find the new one.
        await cluster.StartAsync(others[1]);
        Stopwatch recovery = Stopwatch.StartNew();
        await Task.WhenAll(tasks.Select(each => queue.EnqueueAsync(each.Producer, each.Task)));
        TimeSpan confirmed = recovery.Elapsed;
        await queue.AllDoneAsync(Recovery);
        TimeSpan done = recovery.Elapsed;
        await HealthAsync(front, HealthStatus.Healthy, Recovery);
        await HealthAsync(worker, HealthStatus.Healthy, Recovery);
        report.Add(
            "cluster of three: two nodes killed, one started again", await queue.CloseAsync(),
            $"longest enqueue without a majority: {Seconds(enqueues.Max(enqueue => enqueue.After))} (confirm timeout 5 s); after its port opened all confirmed: {Seconds(confirmed)}, all done: {Seconds(done)}");
        Assert.InRange(done, TimeSpan.Zero, Recovery);
    }

    private async Task<FaultQueue> CreateAsync(params (string Key, string Value)[] settings)
    {
        await cluster.EnsureRunningAsync();
        return new FaultQueue(cluster, cluster.AllNodes, settings);
    }

    private static bool IsConnected(string line, ClusterNode node) => line.Contains($"Connected to RabbitMQ at 127.0.0.1:{node.Port} ", StringComparison.Ordinal);

    private static Task HealthAsync(IHost host, HealthStatus expected, TimeSpan? within = null) =>
        Eventually.HealthAsync(host, report => report.Status == expected, $"health is {expected}", within);

    private static async Task<(PublishOutcome? Outcome, TimeSpan After)> OutcomeAsync(ITaskQueue producer, NewTask task)
    {
        Stopwatch time = Stopwatch.StartNew();
        try
        {
            await producer.EnqueueAsync(task);
            return (null, time.Elapsed);
        }
        catch (TaskNotEnqueuedException failure)
        {
            return (failure.Outcome, time.Elapsed);
        }
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");
}
