using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Slots that take from the same queue share a channel, and what becomes of one is no matter of the others (docs/adr/0026).</summary>
[Collection(BrokerTests.Name)]
public sealed class SharedChannelTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task Slots_that_hold_one_task_each_share_channels_at_most_sixteen_to_one()
    {
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "20"));
        // More than two only where the first one took its time.
        Assert.InRange(Channels(await ConsumersAsync(await queue.WorkerAsync())), 2, 10);
    }

    [BrokerFact]
    public async Task Slots_that_may_hold_more_have_a_channel_each()
    {
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "4"), ("Worker:Prefetch", "adaptive"));
        Assert.Equal(4, Channels(await ConsumersAsync(await queue.WorkerAsync())));
    }

    [BrokerFact]
    public async Task Slots_of_a_queue_with_a_limit_have_a_channel_each()
    {
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "2"), ("Queues:default:MaxRunning", "2"));
        Assert.Equal(2, Channels(await ConsumersAsync(await queue.WorkerAsync())));
    }

    [BrokerFact]
    public async Task A_slot_that_is_rebuilt_beside_a_busy_one_takes_tasks_and_the_busy_one_leaves_their_channel_after_its_task()
    {
        TaskCompletionSource<object?> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "2"));
        IHost worker = await queue.WorkerAsync((text, context) => text == "long" ? done.Task.WaitAsync(context.CancellationToken) : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        TaskConsumer[] before = await ConsumersAsync(worker);
        Assert.Same(before[0].Channel, before[1].Channel);
        await producer.ProbeAsync("long");
        TaskContext run = await queue.Runs.NextAsync();
        SlotsOf(worker).Single(slot => slot.Consumer!.Run is null).Rebuild("as the test has it");
        for (int i = 0; i < 10; i++)
        {
            await producer.ProbeAsync("short");
            await queue.Runs.NextAsync();
        }

        Assert.False(run.CancellationToken.IsCancellationRequested);
        Assert.True(before[0].Channel.IsOpen);
        done.SetResult(null);
        await Eventually.TrueAsync(() => !before[0].Channel.IsOpen, "the channel is closed");
        await Eventually.TrueAsync(() => SlotsOf(worker).All(slot => slot.IsConsuming), "both consume");
        await queue.LoggedAsync(" done after ", times: 11);
        // Nothing is wrong with the one that left for the other's sake.
        Assert.Single(queue.Logged, line => line.Contains("stopped taking tasks", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task The_task_of_a_slot_that_is_given_up_runs_again_while_its_neighbours_go_on()
    {
        TaskCompletionSource<object?> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "2"));
        IHost worker = await queue.WorkerAsync((_, context) => done.Task.WaitAsync(context.CancellationToken));
        ITaskQueue producer = await queue.ProducerAsync();
        TaskConsumer[] consumers = await ConsumersAsync(worker);
        Assert.Same(consumers[0].Channel, consumers[1].Channel);
        await producer.ProbeAsync("one");
        await producer.ProbeAsync("other");
        TaskContext[] runs = [await queue.Runs.NextAsync(), await queue.Runs.NextAsync()];
        SlotsOf(worker)[0].Rebuild("as the test has it");
        TaskContext again = await queue.Runs.NextAsync();
        Assert.True(again.Redelivered);
        TaskContext neighbour = Assert.Single(runs, run => run.Id != again.Id);
        Assert.False(neighbour.CancellationToken.IsCancellationRequested);
        Assert.True(consumers[0].Channel.IsOpen);
        done.SetResult(null);
        await queue.LoggedAsync(" done after ", times: 2);
        Assert.Equal(3, queue.Runs.All.Count);
    }

    [BrokerFact]
    public async Task Slots_that_are_given_up_at_random_lose_no_task_and_mix_up_none()
    {
        const int Count = 200, Slots = 6;
        await using TestQueue queue = new(broker, ("Worker:Concurrency", Slots.ToString(CultureInfo.InvariantCulture)));
        IHost worker = await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, context.CancellationToken);
            return null;
        });
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask[] tasks = await Task.WhenAll(Enumerable.Range(0, Count).Select(number => producer.ProbeAsync(number.ToString(CultureInfo.InvariantCulture))));
        Dictionary<string, string> textOf = tasks.Select((task, number) => (task.Id, number)).ToDictionary(task => task.Id, task => task.number.ToString(CultureInfo.InvariantCulture));
        Random random = new(26);
        for (int i = 0; i < Count; i++)
        {
            await queue.Runs.NextAsync();
            if (i % 10 == 0)
            {
                SlotsOf(worker)[random.Next(Slots)].Rebuild("as the test has it");
            }
        }

        await Eventually.TrueAsync(() => textOf.Keys.All(id => queue.Logged.Any(line => line.Contains($"{id} (probe) done after ", StringComparison.Ordinal))), "all are done");
        Assert.All(queue.Runs.All, run => Assert.Equal(textOf[run.Context.Id], run.Text));
        Assert.Contains(queue.Logged, line => line.Contains("as the test has it", StringComparison.Ordinal));
        await Eventually.TrueAsync(() => SlotsOf(worker).All(slot => slot.IsConsuming), "every slot consumes again");
    }

    private static int Channels(TaskConsumer[] consumers) => consumers.Select(consumer => consumer.Channel).Distinct().Count();

    private static IReadOnlyList<TaskSlot> SlotsOf(IHost worker) => worker.Services.GetRequiredService<TaskWorkerService>().Slots;

    private static async Task<TaskConsumer[]> ConsumersAsync(IHost worker)
    {
        TaskConsumer[] consumers = [];
        await Eventually.TrueAsync(() => (consumers = [.. SlotsOf(worker).Select(slot => slot.Consumer).OfType<TaskConsumer>()]).Length == SlotsOf(worker).Count && consumers.Length > 0, "every slot is a consumer");
        return consumers;
    }
}
