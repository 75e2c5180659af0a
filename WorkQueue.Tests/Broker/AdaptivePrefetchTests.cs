using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Slots that are given more than one task while tasks are short.</summary>
[Collection(BrokerTests.Name)]
public sealed class AdaptivePrefetchTests(BrokerFixture broker)
{
    private const int Backlog = 5_000;
    private const int More = 100;

    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _atOnce;
    private int _mostAtOnce;

    // Long enough that a machine which stalls for a moment does not look like a task that runs long.
    private static readonly (string, string)[] Settings = [("Worker:Prefetch", "adaptive"), ("Worker:HoldBudget", "00:00:01")];

    [BrokerFact]
    public async Task A_backlog_of_short_tasks_has_the_prefetch_grow_and_each_runs_once_and_alone()
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        await FillAsync(await queue.ProducerAsync(), Backlog);
        IHost worker = await queue.WorkerAsync(CountAsync, Settings);
        await GrownAsync(worker);
        await EachHasRunOnceAsync(queue, Backlog);
        Assert.Equal(1, _mostAtOnce);
        await Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "none is left");
        await worker.StopAsync();
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task What_waits_behind_a_task_that_runs_long_goes_back_and_runs_elsewhere()
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        IHost busy = await HeldUpAsync(queue, Settings);
        await busy.LeavesAsync();
        await queue.WorkerAsync(GateAsync);
        await EachHasRunOnceAsync(queue, Backlog + 1 + More);
        Assert.Equal(1, SlotOf(busy)!.Consumer!.Run!.Message.Attempt);
        _gate.SetResult();
        await Eventually.TrueAsync(() => SlotOf(busy)!.Consumer is { Run: null, Prefetch: 1 }, "it goes on, with one at a time");
        await Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "none is left");
    }

    [BrokerFact]
    public async Task A_worker_that_stops_gives_back_at_once_what_waits_and_no_delivery_of_it_is_counted()
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        // With so much time to wait nothing but the stop sends the tasks back.
        IHost worker = await HeldUpAsync(queue, ("Worker:Prefetch", "adaptive"), ("Worker:HoldBudget", "00:00:10"));
        Task stopping = worker.StopAsync();
        await Eventually.EqualAsync(More, async () => await queue.ReadyAsync(), "all that wait are back");
        _gate.SetResult();
        await stopping;
        for (int i = 0; i < More; i++)
        {
            IDictionary<string, object?> headers = (await queue.TakeAsync("default")).BasicProperties.Headers!;
            Assert.Equal(1, Convert.ToInt32(headers["wq-attempt"], CultureInfo.InvariantCulture));
            Assert.Equal(0, Convert.ToInt32(headers.TryGetValue("x-delivery-count", out object? count) ? count : 0, CultureInfo.InvariantCulture));
        }
    }

    [BrokerFact]
    public async Task A_task_that_a_worker_may_have_died_of_runs_while_its_slot_holds_no_other()
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("suspect");
        await using IChannel killed = await queue.PlainChannelAsync();
        BasicGetResult suspect = (await killed.BasicGetAsync($"{queue.Prefix}.default", autoAck: false))!;
        await FillAsync(producer, Backlog);
        bool isAlone = false;
        IHost worker = await queue.WorkerAsync(
            async (text, _) =>
            {
                if (text == "suspect")
                {
                    await Eventually.TrueAsync(async () => await queue.ReadyAsync() == Backlog + 1 - queue.Runs.All.Count, "all that have not run are in the queue");
                    isAlone = true;
                }

                return null;
            },
            Settings);
        await GrownAsync(worker);
        await killed.BasicNackAsync(suspect.DeliveryTag, multiple: false, requeue: true);
        await EachHasRunOnceAsync(queue, Backlog + 1);
        Assert.True(isAlone);
        Assert.Contains(queue.Logged, line => line.Contains("a worker may have died of one of them", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task Tasks_that_become_slower_do_not_wait_behind_each_other_for_long()
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        ITaskQueue producer = await queue.ProducerAsync();
        await FillAsync(producer, Backlog);
        await producer.EnqueueManyAsync([.. Enumerable.Repeat(NewTask.Json("probe", "slow"), 40)]);
        // Each is shorter than the budget.
        IHost worker = await queue.WorkerAsync(
            async (text, context) =>
            {
                await Task.Delay(text == "slow" ? TimeSpan.FromMilliseconds(400) : TimeSpan.Zero, TimeProvider.System, context.CancellationToken);
                return null;
            },
            Settings);
        await Eventually.TrueAsync(() => SlotOf(worker)?.Consumer?.Prefetch >= 8, "the slot is given eight");
        await queue.LoggedAsync("they waited for too long");
        Assert.InRange(queue.Runs.All.Count(run => run.Text == "slow"), 1, 10);
    }

    [BrokerFact]
    public async Task A_slot_whose_queue_is_empty_takes_one_at_a_time_again()
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        await FillAsync(await queue.ProducerAsync(), Backlog);
        IHost worker = await queue.WorkerAsync(null, Settings);
        await GrownAsync(worker);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == Backlog && SlotOf(worker)!.Consumer is { Prefetch: 1 }, "it is idle, and at one");
    }

    [BrokerFact]
    public async Task Slots_of_several_queues_that_hold_many_tasks_starve_none_of_the_queues()
    {
        await using TestQueue queue = new(broker, ("History", "Off"), ("Queues:high:DeliveryLimit", "10"), ("Queues:low:DeliveryLimit", "10"), ("Worker:Queues", "high, low"));
        ITaskQueue producer = await queue.ProducerAsync();
        await FillAsync(producer, Backlog, "high");
        await FillAsync(producer, More, "low");
        IHost worker = await queue.WorkerAsync(null, Settings);
        await GrownAsync(worker);
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= 1_000, "a thousand have run");
        Assert.InRange(queue.Runs.All.Take(1_000).Count(run => run.Context.Queue == "low"), 10, 100);
        await EachHasRunOnceAsync(queue, Backlog + More);
    }

    [BrokerFact]
    public async Task A_returned_task_keeps_the_count_of_the_workers_that_died_of_it()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask task = await producer.ProbeAsync();
        await using (IChannel killed = await queue.PlainChannelAsync())
        {
            await Eventually.TrueAsync(async () => await killed.BasicGetAsync($"{queue.Prefix}.default", autoAck: false) is not null, "it is there");
        }

        await ReturnAsync(queue);
        IReadOnlyBasicProperties returned = (await queue.TakeAsync("default")).BasicProperties;
        Assert.Equal((task.Id, 1L), (returned.MessageId, returned.Headers!["wq-earlier-deliveries"]));
    }

    // A worker that stops under the task.
    private static async Task ReturnAsync(TestQueue queue)
    {
        IHost worker = await queue.WorkerAsync(
            async (_, context) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
                return null;
            },
            ("Worker:DrainTimeout", "00:00:00"));
        await queue.Runs.NextAsync();
        await worker.StopAsync();
    }

    // A worker whose slot has grown and runs a task that does not end, with others behind it.
    private async Task<IHost> HeldUpAsync(TestQueue queue, params (string Key, string Value)[] settings)
    {
        ITaskQueue producer = await queue.ProducerAsync();
        await FillAsync(producer, Backlog);
        await producer.ProbeAsync("long");
        await FillAsync(producer, More);
        IHost worker = await queue.WorkerAsync(GateAsync, settings);
        await GrownAsync(worker);
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "long"), "the long one runs");
        return worker;
    }

    private async Task<object?> CountAsync(string text, TaskContext context)
    {
        _mostAtOnce = Math.Max(_mostAtOnce, Interlocked.Increment(ref _atOnce));
        await Task.Yield();
        Interlocked.Decrement(ref _atOnce);
        return null;
    }

    private async Task<object?> GateAsync(string text, TaskContext context)
    {
        await (text == "long" ? _gate.Task : Task.CompletedTask);
        return null;
    }

    private static TaskSlot? SlotOf(IHost worker) =>
        worker.Services.GetRequiredService<TaskWorkerService>() is { Slots: [TaskSlot slot, ..] } ? slot : null;

    private static Task GrownAsync(IHost worker) => Eventually.TrueAsync(() => SlotOf(worker)?.Consumer?.Prefetch > 1, "the slot is given more than one");

    private static async Task FillAsync(ITaskQueue producer, int count, string queue = "default") => Assert.All(
        await producer.EnqueueManyAsync([.. Enumerable.Range(0, count).Select(number => NewTask.Json("probe", $"{number}") with { Queue = queue })]),
        result => Assert.Null(result.Error));

    private static async Task EachHasRunOnceAsync(TestQueue queue, int count)
    {
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= count, $"{count} have run");
        Assert.Equal(count, queue.Runs.All.Select(run => run.Context.Id).Distinct().Count());
        Assert.Equal(count, queue.Runs.All.Count);
    }
}
