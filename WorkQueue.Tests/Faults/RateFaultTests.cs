using System.Globalization;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Faults;

/// <summary>A rate holds whoever dies, but for one burst when the leader does (docs/flow.md).</summary>
[Collection(SideFaults.Name)]
public sealed class RateFaultTests(FaultBroker broker, FaultReport report, ITestOutputHelper output)
{
    private const int Rate = 45;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    [FaultTheory(Timeout = 600_000)]
    [InlineData("Queues:default:Rate", 3, 50)]
    [InlineData("Types:deliver-webhook:Rate", 1, 10)]
    public async Task Workers_killed_while_they_lead_lose_nothing_and_start_at_most_one_burst_more(string setting, int some, int many)
    {
        const int TasksForAKill = 30;
        int kills = FaultSuite.IsLong ? many : some;
        (string, string) rate = (setting, $"{Rate}/{Window}");
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, rate);
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        int tasks = (kills + 1) * TasksForAKill;
        await queue.EnqueueAsync(producer, tasks, _ => sink.Call());
        WorkerProcess[] workers = [.. Enumerable.Range(0, 3).Select(_ => Worker(queue, rate))];
        for (int kill = 1; kill <= kills; kill++)
        {
            await sink.ReachedAsync(kill * TasksForAKill);
            int leader = -1;
            await Eventually.TrueAsync(() => (leader = Array.FindIndex(workers, Leads)) >= 0, "one leads");
            await workers[leader].DisposeAsync();
            workers[leader] = Worker(queue, rate);
        }

        await queue.AllDoneAsync(TimeSpan.FromSeconds(60 + tasks));
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        Balance balance = await queue.CloseAsync();
        // A start is seen when its call comes in; the first call of a process takes its time, so that what comes after it seems nearer.
        TimeSpan seen = Window - TimeSpan.FromMilliseconds(500);
        int most = queue.Ledger.MostStartsIn(seen);
        output.WriteLine($"at most {most} in {seen}, {queue.Ledger.MostStartsIn(Window)} in {Window}");
        report.Add(
            $"workers killed {kills} times while they led under a rate of {Rate} in {Window} ({setting})", balance, string.Create(CultureInfo.InvariantCulture, $"{most} started within {seen} at most"));
        Assert.Equal(0, balance.Lost);
        Assert.InRange(most, 1, 2 * Rate);
    }

    private static bool Leads(WorkerProcess worker) => worker.Output.Any(line => line.Contains("This process leads", StringComparison.Ordinal));

    private WorkerProcess Worker(FaultQueue queue, (string, string) rate) => WorkerProcess.Start(broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "8"), rate);
}
