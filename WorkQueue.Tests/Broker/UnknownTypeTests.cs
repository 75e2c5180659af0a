using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Workers of two versions take from one queue: the older ones have no handler for type <c>probe</c> (docs/upgrade.md).</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class UnknownTypeTests(BrokerFixture broker)
{
    private const int Count = 20;
    private const string Told = "has come from queue";

    [BrokerTheory]
    [InlineData("quorum", "1")]
    [InlineData("quorum", "adaptive")]
    [InlineData("classic", "1")]
    public async Task Tasks_of_a_new_type_run_on_the_new_worker_though_an_old_one_takes_them_first(string type, string prefetch)
    {
        await using TestQueue queue = new(broker, ("Queues:default:Type", type), ("Worker:Prefetch", prefetch));
        ITaskQueue producer = await queue.ProducerAsync();
        await OldWorkerAsync(queue);
        string[] sent = new string[Count];
        for (int number = 0; number < Count; number++)
        {
            sent[number] = (await producer.ProbeAsync()).Id;
        }

        await queue.LoggedAsync("is left to other workers", Count);
        Assert.Equal(1, queue.Logged.Count(line => line.Contains(Told, StringComparison.Ordinal)));
        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= Count, "all have run");
        Assert.Equal(sent.Order(), queue.Runs.All.Select(run => run.Context.Id).Order());
        Assert.All(queue.Runs.All, run => Assert.Equal((1, false), (run.Context.Attempt, run.Context.Redelivered)));
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
    }

    [BrokerFact]
    public async Task Where_no_worker_knows_it_a_task_is_a_dead_letter_after_the_grace_and_few_deliveries()
    {
        await using TestQueue queue = new(broker, ("Worker:UnknownTypeGrace", "00:00:04"), ("Worker:Concurrency", "4"));
        await OldWorkerAsync(queue);
        await OldWorkerAsync(queue);
        ITaskQueue producer = await queue.ProducerAsync();
        long start = TimeProvider.System.GetTimestamp();
        string id = (await producer.ProbeAsync()).Id;
        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.FromSeconds(3.9), TimeSpan.FromSeconds(10));
        Assert.StartsWith("no handler for type probe in any worker that took it in 00:00:0", letter.Header("wq-reason"), StringComparison.Ordinal);
        Assert.Equal(1, letter.BasicProperties.Headers!["wq-attempt"]);

        HistoryRecord[] records = [.. await RecordsAsync(queue, id)];
        HistoryRecord[] waits = [.. records.Where(record => record.State == TaskState.Scheduled)];
        // At 0, 1, 2, 3 s, and at the end.
        Assert.InRange(waits.Length, 2, 6);
        Assert.All(waits, wait => Assert.StartsWith("no handler for type probe in the worker that took it; waits for one that has, until 20", wait.Reason, StringComparison.Ordinal));
        Assert.Equal(waits.Length, queue.Logged.Count(line => line.Contains("is left to other workers", StringComparison.Ordinal)));
        Assert.Equal([TaskState.Queued, TaskState.DeadLettered], records.Select(record => record.State).Where(state => state != TaskState.Scheduled));
    }

    [BrokerFact]
    public async Task In_an_ordered_lane_it_waits_in_its_place_for_a_worker_that_knows_it()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "2"), ("Queues:default:Ordered", "true"));
        ITaskQueue producer = await queue.ProducerAsync();
        await OldWorkerAsync(queue);
        List<string> sent = [];
        for (int number = 0; number < 3; number++)
        {
            sent.Add((await producer.EnqueueAsync(NewTask.Json("probe", $"{number}") with { Key = "account 7" })).Id);
        }

        await queue.LoggedAsync(Told);
        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= sent.Count, "all have run", TimeSpan.FromSeconds(60));
        Assert.Equal(sent, queue.Runs.All.Select(run => run.Context.Id));
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
    }

    [BrokerFact]
    public async Task In_an_ordered_lane_the_next_one_runs_after_the_grace()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "2"), ("Queues:default:Ordered", "true"), ("Worker:UnknownTypeGrace", "00:00:02"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync();
        await producer.EnqueueAsync(NewTask.Json("resize", "1") with { Key = "account 7" });
        await producer.EnqueueAsync(NewTask.Json("probe", "2") with { Key = "account 7" });
        await queue.Runs.NextAsync();
        Assert.StartsWith("no handler for type resize in any worker that took it in 00:00:0", (await queue.TakeAsync("default.dead")).Header("wq-reason"), StringComparison.Ordinal);
    }

    private static Task<IHost> OldWorkerAsync(TestQueue queue) => queue.StartAsync(builder =>
    {
        builder.AddTaskWorker();
        builder.AddTaskHandler("old", (string _, TaskContext _) => Task.CompletedTask);
    });

    private static async Task<List<HistoryRecord>> RecordsAsync(TestQueue queue, string id)
    {
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        List<HistoryRecord> records = [];
        await foreach (IReadOnlyList<HistoryRecord> group in queue.Last.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            records.AddRange(group.Where(record => record.TaskId == id));
            if (records.Exists(record => record.State == TaskState.DeadLettered))
            {
                break;
            }
        }

        return records;
    }
}
