using WorkQueue.Messaging;

namespace WorkQueue.Tests.Faults;

/// <summary>An ordered lane keeps its order whoever dies (docs/flow.md).</summary>
[Collection(SideFaults.Name)]
public sealed class OrderFaultTests(FaultBroker broker, FaultReport report)
{
    private static readonly int Kills = FaultSuite.IsLong ? 100 : 3;

    private static readonly (string, string)[] Settings = [("Queues:default:Lanes", "4"), ("Queues:default:Ordered", "true")];

    [FaultFact(Timeout = 600_000)]
    public async Task Workers_killed_at_random_and_the_broker_leave_the_tasks_of_each_key_in_their_order()
    {
        const int TasksForAKill = 40;
        string[] keys = ["tenant-1", "tenant-2", "tenant-3"];
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, Settings);
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        int rounds = (Kills + 2) * TasksForAKill / keys.Length;
        Dictionary<string, List<string>> sent = keys.ToDictionary(key => key, _ => new List<string>());
        for (int round = 0; round < rounds; round++)
        {
            await Task.WhenAll(keys.Select(async key =>
            {
                NewTask task = sink.CallBrief() with { Key = key };
                await queue.EnqueueAsync(producer, task);
                sent[key].Add(task.Id!);
            }));
        }

        WorkerProcess[] workers = [Worker(queue), Worker(queue), Worker(queue)];
        for (int kill = 1; kill <= Kills; kill++)
        {
            await sink.ReachedAsync(kill * TasksForAKill);
            int victim = Random.Shared.Next(workers.Length);
            await workers[victim].DisposeAsync();
            workers[victim] = Worker(queue);
        }

        await sink.ReachedAsync((Kills + 1) * TasksForAKill);
        await broker.KillAsync();
        await broker.EnsureRunningAsync();
        await queue.AllDoneAsync(TimeSpan.FromSeconds(60 + rounds));
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        Balance balance = await queue.CloseAsync();
        report.Add($"workers killed {Kills} times and the broker once under ordered lanes", balance, "each key in its order");
        Assert.Equal(0, balance.Lost);
        foreach (string key in keys)
        {
            Assert.Equal(sent[key], queue.Ledger.Ends.Distinct().Where(sent[key].Contains));
        }
    }

    private WorkerProcess Worker(FaultQueue queue) => WorkerProcess.Start(broker.ConnectionString, queue.Prefix, [("Worker:Concurrency", "4"), .. Settings]);
}
