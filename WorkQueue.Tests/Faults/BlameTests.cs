using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Which task is blamed when deliveries end without an end of the task.</summary>
[Collection(SideFaults.Name)]
public sealed class BlameTests(FaultBroker broker, FaultReport report)
{
    [FaultFact(Timeout = 120_000)]
    public async Task A_task_whose_connection_is_lost_more_often_than_the_delivery_limit_is_not_blamed()
    {
        int cuts = FaultSuite.IsLong ? 12 : 6;
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link, ("Queues:default:DeliveryLimit", "3"), ("Worker:Concurrency", "32"));
        using SemaphoreSlim started = new(0);
        using CancellationTokenSource enough = new();
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.EnqueueAsync(producer, 1);
        await queue.WorkerAsync(async (_, context) =>
        {
            started.Release();
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, context.CancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            context.CancellationToken.ThrowIfCancellationRequested();
        });
        for (int cut = 0; cut < cuts; cut++)
        {
            Assert.True(await started.WaitAsync(2 * TestEnvironment.Patience));
            link.Cut();
        }

        Assert.True(await started.WaitAsync(2 * TestEnvironment.Patience));
        await enough.CancelAsync();
        await queue.AllDoneAsync();
        Balance balance = await queue.CloseAsync();
        Assert.Equal(1, queue.Ledger.Succeeded);
        Assert.Equal(0, balance.Duplicates);
        report.Add($"link cut {cuts} times under one task whose delivery limit is 3", balance, "it is not blamed");
    }

    [FaultFact(Timeout = 180_000)]
    public Task A_task_that_kills_its_worker_is_dead_lettered_alone() => BlamesTheKillerAsync("quorum", deaths: 4);

    [FaultFact(Timeout = 240_000)]
    public Task On_a_classic_queue_too_after_one_death_more_of_which_nobody_knows() => BlamesTheKillerAsync("classic", deaths: 5);

    private async Task BlamesTheKillerAsync(string type, int deaths)
    {
        const int Neighbours = 9;
        const int Limit = 4;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:default:DeliveryLimit", Limit.ToString(CultureInfo.InvariantCulture)), ("Queues:default:Type", type));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        IHost front = await queue.StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue producer = front.Services.GetRequiredService<ITaskQueue>();
        NewTask killer = sink.CallEndless();
        await queue.EnqueueAsync(producer, killer);
        await queue.EnqueueAsync(producer, Neighbours, _ => sink.Call(held: true));
        int kills = 0;
        while (await queue.DeadAsync() == 0)
        {
            await using WorkerProcess worker = Worker(queue, Limit, type);
            await Eventually.TrueAsync(async () => sink.EndlessRuns(killer.Id!) > kills || await queue.DeadAsync() > 0, "the killer runs, or is dead", TimeSpan.FromSeconds(100));
            if (sink.EndlessRuns(killer.Id!) > kills)
            {
                // The worker dies of it, as of FailFast or an endless recursion; at first with neighbours that run beside it.
                kills++;
            }

            if (kills == 2)
            {
                sink.Release();
            }
        }

        await using (WorkerProcess last = Worker(queue, Limit, type))
        {
            await Eventually.TrueAsync(() => queue.Ledger.Succeeded >= Neighbours, "every neighbour is done", TimeSpan.FromSeconds(60));
        }

        DeadLetter letter = Assert.Single(await front.Services.GetRequiredService<IDeadLetters>().ListAsync(new DeadLetterFilter()));
        Assert.Equal((killer.Id, $"{Limit} workers died while they had it"), (letter.Id, letter.Reason));
        Balance balance = await queue.CloseAsync();
        Assert.Equal(deaths, kills);
        report.Add($"task that kills its worker, beside nine others ({type} queue)", balance, "it alone is dead-lettered");
    }

    private WorkerProcess Worker(FaultQueue queue, int limit, string type) => WorkerProcess.Start(
        broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "4"), ("Queues:default:Type", type), ("Queues:default:DeliveryLimit", limit.ToString(CultureInfo.InvariantCulture)));
}
