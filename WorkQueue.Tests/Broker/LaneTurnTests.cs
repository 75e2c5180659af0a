using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>No lane is left alone, whatever its neighbours have and whatever limits there are (docs/flow.md).</summary>
[Collection(BrokerTests.Name)]
public sealed class LaneTurnTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_slot_that_waits_in_one_lane_with_the_only_permit_of_the_queue_goes_to_another_with_it()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Priorities", "true"), ("Queues:default:MaxRunning", "1"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync();
        foreach (TaskPriority priority in (TaskPriority[])[TaskPriority.High, TaskPriority.Normal, TaskPriority.Low, TaskPriority.High])
        {
            await producer.EnqueueAsync(NewTask.Json("probe", "") with { Priority = priority });
            await queue.Runs.NextAsync();
        }
    }

    [BrokerFact]
    public async Task A_lane_with_a_limit_of_its_own_has_its_turn_behind_long_tasks_of_another()
    {
        TimeSpan isLong = TimeSpan.FromSeconds(1.5);
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "4"), ("Queues:default:MaxRunningPerKey", "1"));
        ITaskQueue producer = await queue.ProducerAsync();
        foreach (int _ in Enumerable.Range(0, 6))
        {
            await producer.EnqueueAsync(NewTask.Json("probe", "large") with { Key = "tenant-1" });
        }

        await queue.WorkerAsync(async (text, context) =>
        {
            await Task.Delay(text == "large" ? isLong : TimeSpan.Zero, TimeProvider.System, context.CancellationToken);
            return null;
        });
        await queue.Runs.NextAsync();
        await producer.EnqueueAsync(NewTask.Json("probe", "small") with { Key = "tenant-2" });
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "small"), "the small one runs");
        Assert.InRange(queue.Runs.All.Count(run => run.Text == "large"), 1, 3);
    }

    [BrokerFact]
    public async Task An_ordered_queue_has_its_turn_beside_a_full_one_that_is_preferred()
    {
        await using TestQueue queue = new(
            broker, ("Queues:accounts:Lanes", "2"), ("Queues:accounts:Ordered", "true"), ("Worker:Queues", "default,accounts"));
        ITaskQueue producer = await queue.ProducerAsync();
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => producer.ProbeAsync("full")));
        await producer.EnqueueAsync(NewTask.Json("probe", "ordered") with { Queue = "accounts", Key = "a" });
        await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, context.CancellationToken);
            return null;
        });
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "ordered"), "the ordered one runs");
        Assert.InRange(queue.Runs.All.Count, 1, 60);
    }

    [BrokerFact]
    public async Task A_task_that_is_cancelled_while_it_waits_for_its_retry_frees_its_lane()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "1"), ("Queues:default:Ordered", "true"), ("Retry:Delays:0", "00:10:00"));
        ITaskQueue producer = await queue.ProducerAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        await queue.WorkerAsync((text, _) => text == "fails" ? throw new InvalidOperationException(text) : Task.FromResult<object?>(null));
        EnqueuedTask fails = await producer.ProbeAsync("fails");
        await producer.ProbeAsync("next");
        await queue.LoggedAsync("fails");
        await control.CancelAsync([new TaskToCancel(fails.Id, "probe", "default", 1, 0, false)]);
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "next"), "the next one runs");
        Assert.Single(queue.Runs.All, run => run.Text == "fails");
    }

    [BrokerFact]
    public async Task A_retry_that_could_not_end_before_the_broker_takes_the_task_back_is_a_dead_letter_and_the_lane_goes_on()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "1"), ("Queues:default:Ordered", "true"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync((text, _) => text == "fails" ? throw new TaskRetryException("later", TimeSpan.FromHours(1)) : Task.FromResult<object?>(null));
        await producer.ProbeAsync("fails");
        await producer.ProbeAsync("next");
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "next"), "the next one runs");
        Assert.Contains("BrokerConsumerTimeout", (await queue.TakeAsync("default.dead")).Header("wq-reason"), StringComparison.Ordinal);
    }
}
