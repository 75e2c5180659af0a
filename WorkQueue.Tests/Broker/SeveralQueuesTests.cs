using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>A worker that takes from several queues.</summary>
[Collection(BrokerTests.Name)]
public sealed class SeveralQueuesTests(BrokerFixture broker)
{
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [BrokerFact]
    public async Task A_slot_prefers_the_first_queue_and_gives_every_tenth_take_to_the_last()
    {
        await using TestQueue queue = Two();
        ITaskQueue producer = await queue.ProducerAsync();
        await FillAsync(producer, "high", 40);
        await FillAsync(producer, "low", 10);
        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 50, "every task has run");
        string[] order = [.. queue.Runs.All.Select(run => run.Context.Queue)];
        // Exactly every tenth is tested without a broker: here a task may be acknowledged before the slot has left its queue.
        Assert.All(order[..9], name => Assert.Equal("high", name));
        Assert.InRange(order[..40].Count(name => name == "low"), 3, 5);
    }

    [BrokerFact]
    public async Task A_busy_slot_holds_no_task_of_any_queue_and_goes_back_to_the_preferred_one()
    {
        await using TestQueue queue = Two();
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync(GateAsync);
        await ConsumesAsync(queue, "high");
        await FillAsync(producer, "low", 1, "gate");
        Assert.Equal("low", (await queue.Runs.NextAsync()).Queue);
        await FillAsync(producer, "low", 5);
        await FillAsync(producer, "high", 1);
        // The slot is told of it while it runs, and gives up its place in the other queue.
        await worker.LeavesAsync();
        Assert.Equal((1u, 5u), (await queue.ReadyAsync("high"), await queue.ReadyAsync("low")));
        _gate.SetResult();
        Assert.Equal("high", (await queue.Runs.NextAsync()).Queue);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 7, "the others run too");
        Assert.All(queue.Runs.All, run => Assert.False(run.Context.Redelivered));
    }

    [BrokerFact]
    public async Task A_paused_queue_is_passed_over_until_it_is_resumed()
    {
        await using TestQueue queue = Two();
        ITaskQueue producer = await queue.ProducerAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        await control.PauseAsync("high");
        await FillAsync(producer, "high", 1);
        await queue.WorkerAsync();
        await FillAsync(producer, "low", 1);
        Assert.Equal("low", (await queue.Runs.NextAsync()).Queue);
        Assert.Equal(1u, await queue.ReadyAsync("high"));
        await control.ResumeAsync("high");
        Assert.Equal("high", (await queue.Runs.NextAsync()).Queue);
    }

    [BrokerFact]
    public async Task A_worker_that_stops_while_its_slot_leaves_a_queue_finishes_what_runs()
    {
        await using TestQueue queue = Two();
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync(GateAsync);
        await FillAsync(producer, "low", 1, "gate");
        await queue.Runs.NextAsync();
        await FillAsync(producer, "high", 1);
        await worker.LeavesAsync();
        Task stopping = worker.StopAsync();
        _gate.SetResult();
        await stopping;
        Assert.Equal((1u, 0u), (await queue.ReadyAsync("high"), await queue.ReadyAsync("low")));
        Assert.Single(queue.Runs.All);
    }

    [BrokerFact]
    public async Task A_slot_that_has_emptied_its_queue_goes_to_the_next_without_waiting_for_the_count_of_many()
    {
        const int Count = 250;
        string[] names = [.. Enumerable.Range(0, Count).Select(number => $"q{number}")];
        await using TestQueue queue = new(
            broker, [("History", "Off"), ("Worker:Queues", string.Join(',', names)), .. names.Select(name => ($"Queues:{name}:Type", "classic"))]);
        ITaskQueue producer = await queue.ProducerAsync();
        await Task.WhenAll(names.Select(name => FillAsync(producer, name, 2)));
        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2 * Count, "every task has run", 3 * TestEnvironment.Patience);
        Assert.All(queue.Runs.All.GroupBy(run => run.Context.Queue), runs => Assert.Equal(2, runs.Count()));
    }

    [BrokerFact]
    public async Task A_slot_takes_its_channel_along_from_one_queue_to_the_next()
    {
        await using TestQueue queue = Two();
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync();
        await ConsumesAsync(queue, "high");
        TaskConsumer first = await worker.ConsumerAsync();
        await FillAsync(producer, "low", 1);
        Assert.Equal("low", (await queue.Runs.NextAsync()).Queue);
        TaskConsumer second = await worker.ConsumerAsync();
        Assert.NotSame(first, second);
        Assert.Same(first.Channel, second.Channel);
    }

    [BrokerFact]
    public async Task A_slot_stays_in_its_queue_while_that_has_tasks()
    {
        await using TestQueue queue = Two();
        ITaskQueue producer = await queue.ProducerAsync();
        await FillAsync(producer, "high", 8);
        await FillAsync(producer, "low", 2);
        TaskSlot? slot = null;
        ConcurrentBag<TaskConsumer?> consumers = [];
        IHost worker = await queue.WorkerAsync(async (_, context) =>
        {
            await _gate.Task;
            if (context.Queue == "high")
            {
                consumers.Add(slot!.Consumer);
            }

            return null;
        });
        await queue.Runs.NextAsync();
        slot = worker.Services.GetRequiredService<TaskWorkerService>().Slots[0];
        await worker.ConsumerAsync();
        _gate.SetResult();
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 10, "every task has run");
        Assert.Equal(8, consumers.Count);
        Assert.Single(consumers.Distinct());
        Assert.Equal(Enumerable.Repeat("high", 8).Concat(["low", "low"]), queue.Runs.All.Select(run => run.Context.Queue));
    }

    [BrokerFact]
    public async Task From_an_ordered_queue_it_goes_on_a_new_channel_so_that_its_last_acknowledgement_has_arrived()
    {
        await using TestQueue queue = new(broker, ("Queues:high:DeliveryLimit", "10"), ("Queues:low:Ordered", "true"), ("Queues:low:Lanes", "2"), ("Worker:Queues", "high, low"));
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync(GateAsync);
        await FillAsync(producer, "low", 1, "gate");
        Assert.Equal("low", (await queue.Runs.NextAsync()).Queue);
        TaskConsumer ordered = await worker.ConsumerAsync();
        await FillAsync(producer, "high", 1);
        _gate.SetResult();
        Assert.Equal("high", (await queue.Runs.NextAsync()).Queue);
        Assert.NotSame(ordered.Channel, (await worker.ConsumerAsync()).Channel);
    }

    private TestQueue Two() => new(broker, ("Queues:high:DeliveryLimit", "10"), ("Queues:low:DeliveryLimit", "10"), ("Worker:Queues", "high, low"));

    private async Task<object?> GateAsync(string text, TaskContext context)
    {
        await (text == "gate" ? _gate.Task : Task.CompletedTask);
        return null;
    }

    private static Task<EnqueuedTask[]> FillAsync(ITaskQueue producer, string queue, int count, string text = "") => Task.WhenAll(
        Enumerable.Range(0, count).Select(_ => producer.EnqueueAsync(NewTask.Json("probe", text) with { Queue = queue })));

    private static Task ConsumesAsync(TestQueue queue, string name) => Eventually.EqualAsync(1, async () => await ConsumersAsync(queue, name), $"{name} is consumed");

    private static async Task<uint> ConsumersAsync(TestQueue queue, string name)
    {
        await using IChannel channel = await queue.PlainChannelAsync();
        return await channel.ConsumerCountAsync($"{queue.Prefix}.{name}");
    }
}
