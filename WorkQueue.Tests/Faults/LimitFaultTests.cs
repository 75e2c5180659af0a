using System.Globalization;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Faults;

/// <summary>A limit holds whoever dies or sleeps (docs/flow.md).</summary>
[Collection(SideFaults.Name)]
public sealed class LimitFaultTests(FaultBroker broker, FaultReport report)
{
    private const int Most = 3;

    [FaultFact(Timeout = 600_000)]
    public async Task Workers_killed_at_random_never_run_more_at_once_than_the_limit()
    {
        // Long: ten workers for two minutes, one killed about every four seconds. Short: as many as the limit, so that each kill shows.
        (int programs, int kills, int tasksForAKill, TimeSpan time) = FaultSuite.IsLong ? (10, 30, 48, TimeSpan.FromMilliseconds(250)) : (Most, 4, 60, WebhookSink.Brief);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:default:MaxRunning", Number(Most)));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.EnqueueAsync(producer, (kills + 1) * tasksForAKill, _ => sink.CallFor(time));
        WorkerProcess[] workers = [.. Enumerable.Range(0, programs).Select(_ => Worker(queue, Most))];
        await sink.ReachedAsync(1);
        (long since, TimeSpan before) = (TimeProvider.System.GetTimestamp(), queue.Ledger.Ran);
        for (int kill = 1; kill <= kills; kill++)
        {
            await sink.ReachedAsync(kill * tasksForAKill);
            int victim = Random.Shared.Next(workers.Length);
            await workers[victim].DisposeAsync();
            workers[victim] = Worker(queue, Most);
        }

        await sink.ReachedAsync((kills + 1) * tasksForAKill);
        double inUse = (queue.Ledger.Ran - before) / (Most * TimeProvider.System.GetElapsedTime(since));
        await queue.AllDoneAsync(TimeSpan.FromMinutes(2));
        await StopAsync(workers);
        Balance balance = await queue.CloseAsync();
        report.Add(
            $"workers killed {kills} times under a limit of {Most} at once, {programs} workers", balance,
            string.Create(CultureInfo.InvariantCulture, $"{queue.Ledger.MostAtOnce} at once at most; {inUse:P0} of the limit in use while tasks waited"));
        Assert.Equal(0, balance.Lost);
        Assert.Equal(Most, queue.Ledger.MostAtOnce);
        Assert.True(!FaultSuite.IsLong || inUse >= 0.9, $"{inUse:P0} of the limit was in use");
    }

    [FaultFact(Timeout = 300_000)]
    public async Task A_worker_that_slept_until_its_permit_went_to_another_stops_its_run_and_takes_nothing_by_it()
    {
        const int Tasks = 100;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:default:MaxRunning", "1"));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.EnqueueAsync(producer, 1, _ => sink.Call(held: true));
        WorkerProcess sleeper = Worker(queue, 1);
        await sink.ReachedAsync(1);
        WorkerProcess other = Worker(queue, 1);
        await sleeper.SignalAsync("STOP");
        // The broker takes back what belongs to a connection that is silent, the task and the permit.
        await sink.ReachedAsync(2);
        await queue.EnqueueAsync(producer, Tasks, _ => sink.CallBrief());
        await sleeper.SignalAsync("CONT");
        await Support.Eventually.TrueAsync(() => queue.Ledger.Running == 1, "the one that slept has stopped its run");
        queue.Ledger.CountMostAnew();
        sink.Release();
        await queue.AllDoneAsync(TimeSpan.FromMinutes(1));
        await StopAsync([sleeper, other]);
        Balance balance = await queue.CloseAsync();
        report.Add(
            "a worker stopped until its permit went to another, and continued", balance,
            string.Create(CultureInfo.InvariantCulture, $"{queue.Ledger.MostAtOnce} at once at most after its run was cut"));
        Assert.Equal(0, balance.Lost);
        Assert.Equal(1, queue.Ledger.MostAtOnce);
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task StopAsync(WorkerProcess[] workers)
    {
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }
    }

    // With a short heartbeat, so that the broker soon misses one that is silent.
    private WorkerProcess Worker(FaultQueue queue, int most) => WorkerProcess.Start(
        broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "2"), ("Queues:default:MaxRunning", Number(most)), ("Heartbeat", "00:00:03"));
}
