using System.Diagnostics;
using System.Globalization;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Worker processes are killed.</summary>
[Collection(FaultSuite.Name)]
public sealed class WorkerFaultTests(FaultBroker broker, FaultReport report)
{
    private static int TaskCount =>
        int.TryParse(Environment.GetEnvironmentVariable("WORKQUEUE_FAULT_TASKS"), NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : 2500;

    [FaultFact(Timeout = 90_000)]
    public async Task The_task_of_a_killed_worker_runs_elsewhere_within_two_seconds()
    {
        const int Kills = 3;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        TimeSpan longest = TimeSpan.Zero;
        WorkerProcess worker = Worker(queue);
        await ConsumersAsync(queue, 1);
        for (int kill = 0; kill < Kills; kill++)
        {
            sink.Hold();
            int before = sink.Runs;
            await queue.EnqueueAsync(producer, sink.Call(held: true));
            await sink.ReachedAsync(before + 1);
            WorkerProcess other = Worker(queue);
            await ConsumersAsync(queue, 2);
            Stopwatch recovery = Stopwatch.StartNew();
            await worker.DisposeAsync();
            await sink.ReachedAsync(before + 2);
            longest = recovery.Elapsed > longest ? recovery.Elapsed : longest;
            sink.Release();
            await queue.AllDoneAsync();
            worker = other;
        }

        await worker.StopAsync();
        await worker.DisposeAsync();
        report.Add("worker killed three times under its task", await queue.CloseAsync(), string.Create(CultureInfo.InvariantCulture, $"its task runs elsewhere: {longest.TotalSeconds:0.00} s at most"));
        Assert.InRange(longest, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [FaultFact(Timeout = 180_000)]
    public async Task Three_killed_workers_and_a_killed_broker_lose_none_of_many_tasks()
    {
        int tasks = TaskCount;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("ConfirmTimeout", "00:00:05"));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        WorkerProcess[] workers = [Worker(queue, 4), Worker(queue, 4), Worker(queue, 4)];
        await ConsumersAsync(queue, 12);
        Stopwatch whole = Stopwatch.StartNew();
        Task enqueueing = queue.EnqueueAsync(producer, tasks, _ => sink.Call());

        await KillAsync(1, tasks / 5);
        await KillAsync(2, tasks * 2 / 5);
        await sink.ReachedAsync(tasks * 3 / 5);
        await broker.KillAsync();
        await broker.StartAsync();
        Stopwatch recovery = Stopwatch.StartNew();
        await sink.ReachedAsync(sink.Runs + 1);
        recovery.Stop();
        await KillAsync(0, tasks * 4 / 5);
        await enqueueing;
        await queue.AllDoneAsync(TimeSpan.FromSeconds(120));
        whole.Stop();
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        Balance balance = await queue.CloseAsync();
        Assert.Equal(tasks, balance.Confirmed);
        report.Add(
            "three workers and the broker killed under load", balance,
            string.Create(CultureInfo.InvariantCulture, $"consuming again after the broker's port opened: {recovery.Elapsed.TotalSeconds:0.0} s; {tasks / whole.Elapsed.TotalSeconds:0} tasks/s over all"));
        Assert.InRange(recovery.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));

        async Task KillAsync(int worker, int runs)
        {
            await sink.ReachedAsync(runs);
            await workers[worker].DisposeAsync();
            workers[worker] = Worker(queue, 4);
        }
    }

    private WorkerProcess Worker(FaultQueue queue, int slots = 1) =>
        WorkerProcess.Start(broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", slots.ToString(CultureInfo.InvariantCulture)));

    private static Task ConsumersAsync(FaultQueue queue, uint count) =>
        Eventually.EqualAsync(count, async () => await queue.ConsumersAsync(), $"{count} consumers");
}
