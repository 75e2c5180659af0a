using System.Globalization;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Workers that do not know a type are killed while they give its tasks back (docs/upgrade.md).</summary>
[Collection(SideFaults.Name)]
public sealed class UpgradeFaultTests(FaultBroker broker, FaultReport report)
{
    private static readonly int Kills = FaultSuite.IsLong ? 60 : 4;

    [FaultFact(Timeout = 600_000)]
    public async Task Old_workers_killed_while_they_leave_new_tasks_to_others_lose_none()
    {
        const int Tasks = 400;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        WorkerProcess[] old = [Old(queue), Old(queue)];
        await Eventually.TrueAsync(async () => await queue.ConsumersAsync() >= 8, "the old workers take tasks");
        Task enqueueing = Task.CompletedTask;
        for (int kill = 0; kill < Kills; kill++)
        {
            await enqueueing;
            enqueueing = queue.EnqueueAsync(producer, Tasks / Kills);
            // Each time it has begun to leave some, and has others in its hands.
            await Eventually.TrueAsync(() => old[kill % 2].Output.Any(line => line.Contains("are left to other workers", StringComparison.Ordinal)), "it leaves tasks");
            await old[kill % 2].DisposeAsync();
            old[kill % 2] = Old(queue);
        }

        await enqueueing;
        await queue.WorkerAsync(configure: builder => builder.Configuration["WorkQueue:Worker:Concurrency"] = "8");
        await queue.AllDoneAsync(TimeSpan.FromSeconds(120));
        foreach (WorkerProcess worker in old)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        uint dead = await queue.DeadAsync();
        Balance balance = await queue.CloseAsync();
        report.Add(
            string.Create(CultureInfo.InvariantCulture, $"workers that do not know the type, killed {Kills} times while they leave its tasks to others"), balance,
            string.Create(CultureInfo.InvariantCulture, $"{dead} dead letters"));
        Assert.Equal((0, 0u), (balance.Lost, dead));
    }

    private WorkerProcess Old(FaultQueue queue) => WorkerProcess.Start(broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "4"));
}
