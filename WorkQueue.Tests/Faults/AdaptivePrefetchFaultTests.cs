using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>A slot that holds several tasks loses its broker, or the broker its disk.</summary>
[Collection(SideFaults.Name)]
public sealed class AdaptivePrefetchFaultTests(FaultBroker broker)
{
    [FaultFact(Timeout = 90_000)]
    public async Task A_slot_that_changes_its_prefetch_while_the_brokers_disk_stands_still_is_delivered_nothing_twice()
    {
        const int Fast = 3_000, All = 5_000;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("History", "Off"), ("Worker:Prefetch", "adaptive"), ("Worker:HoldBudget", "00:00:01"));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.EnqueueManyAsync([.. Enumerable.Range(0, All).Select(FaultQueue.Probe)]);
        // The last ones take long enough that some are left when the disk stands still.
        IHost worker = await queue.WorkerAsync((_, context) =>
            Task.Delay(queue.Runs.All.Count < Fast ? TimeSpan.Zero : TimeSpan.FromMilliseconds(2), TimeProvider.System, context.CancellationToken));
        TaskConsumer? grown = null;
        await Eventually.TrueAsync(() => queue.Runs.All.Count > Fast && (grown = SlotOf(worker).Consumer) is { Prefetch: > 1, Out.Asked.IsCompleted: false }, "the slot holds several");

        // For longer than the budget, after which its queue could be empty, and shorter than a slot has patience.
        await broker.ControlAsync("eval", "sys:suspend(ra_log_wal), timer:apply_after(2500, sys, resume, [ra_log_wal]).");
        await Eventually.TrueAsync(() => grown!.Out.Asked.IsCompleted, "it leaves");

        await Eventually.TrueAsync(() => queue.Runs.All.Count == All, "all have run");
        Assert.DoesNotContain(queue.Runs.All, run => run.Context.Redelivered);
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_link_cut_under_a_task_that_runs_long_doubles_nothing_that_was_done_before_it()
    {
        const int Short = 5_000;
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link, ("History", "Off"), ("Worker:Prefetch", "adaptive"), ("Worker:HoldBudget", "00:00:01"));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.EnqueueManyAsync([.. Enumerable.Range(0, Short).Select(FaultQueue.Probe), NewTask.Json("probe", "long")]);
        int begun = 0;
        IHost worker = await queue.WorkerAsync((text, context) =>
            text == "long" && Interlocked.Increment(ref begun) == 1 ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken) : Task.CompletedTask);

        // The broker has then answered what was sent after the acknowledgements.
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "long") && SlotOf(worker).HasLeft, "it takes no more beside that");
        link.Cut();
        await Eventually.TrueAsync(() => queue.Runs.All.Count(run => run.Text == "long") == 2, "it runs again");
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= Short + 2 && SlotOf(worker).Consumer is { IdleFor: var idle } && idle > TimeSpan.Zero, "nothing is left to run");
        Assert.Equal(Short + 2, queue.Runs.All.Count);
    }

    private static TaskSlot SlotOf(IHost worker) => worker.Services.GetRequiredService<TaskWorkerService>().Slots[0];
}
