using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Workers, whoever leads and the broker die under batches.</summary>
[Collection(SideFaults.Name)]
public sealed class BatchFaultTests(FaultBroker broker, FaultReport report)
{
    private int _leaders;

    /// <summary>How many batches, and of how many members.</summary>
    public static TheoryData<int, int> Sizes => FaultSuite.IsLong ? new() { { 50, 1000 }, { 1, 100_000 } } : new() { { 5, 100 } };

    [FaultTheory(Timeout = 2_400_000)]
    [MemberData(nameof(Sizes))]
    public async Task Killed_workers_leaders_and_a_broker_that_starts_again_lose_no_member_and_no_callback(int count, int members)
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("ConfirmTimeout", "00:00:05"));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        List<WorkerProcess> workers = [Worker(queue), Worker(queue), Worker(queue)];
        await Eventually.TrueAsync(() => workers.Any(Leads), "one leads");
        await queue.ProducerAsync();
        ITaskBatches batches = queue.Last.Services.GetRequiredService<ITaskBatches>();
        Stopwatch whole = Stopwatch.StartNew();
        Task enqueueing = EnqueueAsync(queue, batches, sink, count, members);
        int all = count * members;
        await KillLeaderAsync(all / 6);
        await KillLeaderAsync(all * 2 / 6);
        await sink.ReachedAsync(all * 3 / 6);
        await broker.KillAsync();
        await broker.StartAsync();
        await KillLeaderAsync(all * 4 / 6);
        await KillLeaderAsync(all * 5 / 6);
        await enqueueing;
        await queue.AllDoneAsync(TimeSpan.FromSeconds(FaultSuite.IsLong ? 1200 : 90));
        whole.Stop();
        await queue.ProducerAsync();
        await CountAsync(queue.Last.Services.GetRequiredService<ITaskBatches>(), count, members);
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        Balance balance = await queue.CloseAsync();
        Assert.Equal(count * (members + 2), balance.Confirmed);
        report.Add(
            string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "batch" : "batches")} of {members}: four workers killed, {_leaders} of them leading, and the broker started again"), balance,
            string.Create(CultureInfo.InvariantCulture, $"each batch with both callbacks, in {whole.Elapsed.TotalSeconds:0} s"));

        async Task KillLeaderAsync(int runs)
        {
            await sink.ReachedAsync(runs);
            // Where the program of this test leads, any.
            bool isOther = !queue.Last.Services.GetRequiredService<LeaderService>().IsLeader;
            WorkerProcess victim = isOther && workers.LastOrDefault(Leads) is { } leader ? leader : workers[0];
            _leaders += isOther ? 1 : 0;
            await victim.DisposeAsync();
            workers[workers.IndexOf(victim)] = Worker(queue);
        }
    }

    // As an honest program does: again under the same id until it is known to be there.
    private static Task EnqueueAsync(FaultQueue queue, ITaskBatches batches, WebhookSink sink, int count, int members) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = 5 },
        async (number, cancellationToken) =>
        {
            NewTask call = sink.Call() with { Id = null };
            BatchOptions options = new() { Id = Guid.CreateVersion7().ToString(), Name = number.ToString(CultureInfo.InvariantCulture), OnComplete = call, OnSuccess = call };
            TaskBatch? batch = null;
            while (batch is null)
            {
                try
                {
                    batch = await batches.EnqueueAsync([.. Enumerable.Repeat(call, members)], options, cancellationToken);
                }
                catch (Exception failure) when (failure is BrokerUnavailableException or TaskNotEnqueuedException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancellationToken);
                }
            }

            foreach (string id in (string[])[batch.OnCompleteId!, batch.OnSuccessId!, .. Enumerable.Range(0, members).Select(member => TaskBatch.IdOf(batch.Id, member))])
            {
                queue.Ledger.Confirm(id);
            }
        });

    private static async Task CountAsync(ITaskBatches batches, int count, int members)
    {
        await Eventually.TrueAsync(async () => (await batches.ListAsync()).Count(batch => batch.State == BatchState.Succeeded) == count, "all batches have succeeded");
        Assert.All(await batches.ListAsync(), batch => Assert.Equal((members, members, 0), (batch.Total, batch.Succeeded, batch.Pending)));
    }

    private static bool Leads(WorkerProcess program) => program.Output.Any(line => line.Contains("This process leads", StringComparison.Ordinal));

    // With a schedule that is hardly ever due it stands for election from the start.
    private WorkerProcess Worker(FaultQueue queue) => WorkerProcess.Start(
        broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "4"), ("Schedules:rare:Cron", "0 0 29 2 *"), ("Schedules:rare:Type", "simulate"));
}
