using System.Diagnostics;
using System.Globalization;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Faults;

/// <summary>A limit holds whoever dies (docs/flow.md).</summary>
[Collection(SideFaults.Name)]
public sealed class LimitFaultTests(FaultBroker broker, FaultReport report)
{
    private const int Most = 3;

    private static readonly int Kills = FaultSuite.IsLong ? 200 : 4;

    [FaultFact(Timeout = 600_000)]
    public async Task Workers_killed_at_random_never_run_more_at_once_than_the_limit()
    {
        const int TasksForAKill = 60;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:default:MaxRunning", Most.ToString(CultureInfo.InvariantCulture)));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        int tasks = (Kills + 1) * TasksForAKill;
        await queue.EnqueueAsync(producer, tasks, _ => sink.CallBrief());
        WorkerProcess[] workers = [Worker(queue), Worker(queue), Worker(queue)];
        await sink.ReachedAsync(1);
        Stopwatch whole = Stopwatch.StartNew();
        for (int kill = 1; kill <= Kills; kill++)
        {
            await sink.ReachedAsync(kill * TasksForAKill);
            int victim = Random.Shared.Next(workers.Length);
            await workers[victim].DisposeAsync();
            workers[victim] = Worker(queue);
        }

        await queue.AllDoneAsync(TimeSpan.FromSeconds(60 + tasks));
        whole.Stop();
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        Balance balance = await queue.CloseAsync();
        report.Add(
            $"workers killed {Kills} times under a limit of {Most} at once", balance,
            string.Create(CultureInfo.InvariantCulture, $"{queue.Ledger.MostAtOnce} at once at most; {tasks * WebhookSink.Brief / (Most * whole.Elapsed):P0} of the limit in use"));
        Assert.Equal(0, balance.Lost);
        Assert.Equal(Most, queue.Ledger.MostAtOnce);
    }

    private WorkerProcess Worker(FaultQueue queue) => WorkerProcess.Start(
        broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "2"), ("Queues:default:MaxRunning", Most.ToString(CultureInfo.InvariantCulture)));
}
