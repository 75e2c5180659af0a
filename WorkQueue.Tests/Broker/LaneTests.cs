using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Priorities, lanes by key, ordered lanes and limited types (docs/flow.md).</summary>
[Collection(BrokerTests.Name)]
public sealed class LaneTests(BrokerFixture broker)
{
    private const string Fails = "fails";

    [BrokerFact]
    public async Task Urgent_tasks_run_first_and_the_others_do_not_starve()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Priorities", "true"));
        ITaskQueue producer = await queue.ProducerAsync();
        await SendAsync(producer, 10, "low", task => task with { Priority = TaskPriority.Low });
        await SendAsync(producer, 10, "normal", task => task);
        await SendAsync(producer, 60, "high", task => task with { Priority = TaskPriority.High });
        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 80, "all have run");
        string[] order = [.. queue.Runs.All.Select(run => run.Text)];
        Assert.All(order.Take(9), text => Assert.Equal("high", text));
        Assert.InRange(order.Take(60).Count(text => text == "high"), 50, 56);
        Assert.Contains("low", order.Take(60));
        Assert.Contains("normal", order.Take(60));
    }

    [BrokerFact]
    public async Task A_tenant_with_many_tasks_does_not_hold_up_one_with_few()
    {
        const int Slots = 4;
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "4"), ("Worker:Concurrency", $"{Slots}"));
        ITaskQueue producer = await queue.ProducerAsync();
        await SendAsync(producer, 200, "large", task => task with { Key = "tenant-1" });
        await queue.WorkerAsync(PauseAsync);
        await queue.Runs.NextAsync();
        int before = queue.Runs.All.Count;
        await SendAsync(producer, 10, "small", task => task with { Key = "tenant-2" });
        await Eventually.TrueAsync(() => queue.Runs.All.Count(run => run.Text == "small") == 10, "the few have run");
        Assert.InRange(queue.Runs.All.Count(run => run.Text == "large") - before, 0, 100);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 210, "all have run");
    }

    [BrokerFact]
    public async Task A_schedule_gives_its_tasks_a_key_and_a_handler_is_told_it()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "4"));
        ITaskQueue producer = await queue.ProducerAsync();
        ISchedules schedules = queue.Last.Services.GetRequiredService<ISchedules>();
        ConcurrentQueue<string?> keys = new();
        await queue.WorkerAsync((_, context) =>
        {
            keys.Enqueue(context.Key);
            return Task.FromResult<object?>(null);
        });
        await schedules.DefineAsync("tick", new ScheduleOptions { Cron = "* * * * * *", Type = "probe", Payload = "\"tick\"", Key = "tenant-1" });
        await Eventually.TrueAsync(() => keys.Contains("tenant-1"), "it has run");
        await schedules.RemoveAsync("tick");
        await producer.EnqueueAsync(NewTask.Json("probe", "none"));
        await Eventually.TrueAsync(() => keys.Contains(null), "that without a key has run");
    }

    [BrokerFact]
    public async Task Two_workers_run_no_more_of_a_key_at_once_than_its_limit()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "4"), ("Queues:default:MaxRunningPerKey", "1"), ("Worker:Concurrency", "3"));
        ITaskQueue producer = await queue.ProducerAsync();
        Dictionary<string, Ledger> ledgers = new() { ["tenant-1"] = new(), ["tenant-2"] = new() };
        Ledger both = new();
        foreach (string key in ledgers.Keys)
        {
            await SendAsync(producer, 40, key, task => task with { Key = key });
        }

        async Task<object?> CountAsync(string key, TaskContext context)
        {
            await ledgers[key].DuringAsync(() => both.BrieflyAsync(context));
            return null;
        }

        await queue.WorkerAsync(CountAsync);
        await queue.WorkerAsync(CountAsync);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 80 && both.Running == 0, "all have run");
        Assert.All(ledgers.Values, ledger => Assert.Equal(1, ledger.MostAtOnce));
        Assert.Equal(2, both.MostAtOnce);
    }

    [BrokerTheory]
    [InlineData("1")]
    [InlineData("adaptive")]
    public async Task An_ordered_lane_keeps_its_order_over_retries_a_dead_letter_and_a_worker_that_stops(string prefetch)
    {
        const int Tasks = 30;
        string[] keys = ["tenant-1", "tenant-2", "tenant-3"];
        await using TestQueue queue = new(
            broker, ("Queues:default:Lanes", "4"), ("Queues:default:Ordered", "true"), ("Retry:Delays:0", "00:00:00.030"), ("Worker:Concurrency", "4"), ("Worker:Prefetch", prefetch));
        ITaskQueue producer = await queue.ProducerAsync();
        ConcurrentQueue<string> ends = new();
        async Task<object?> RunAsync(string text, TaskContext context)
        {
            await PauseAsync(text, context);
            int number = int.Parse(text.Split('/')[1], CultureInfo.InvariantCulture);
            if (number == 11 || (number % 5 == 0 && context.Attempt == 1))
            {
                throw new InvalidOperationException(Fails);
            }

            ends.Enqueue(text);
            return null;
        }

        for (int number = 0; number < Tasks; number++)
        {
            await Task.WhenAll(keys.Select(key => producer.EnqueueAsync(NewTask.Json("probe", $"{key}/{number}") with { Key = key })));
        }

        IHost first = await queue.WorkerAsync(RunAsync);
        await queue.WorkerAsync(RunAsync);
        await Eventually.TrueAsync(() => ends.Count > 20, "some have run");
        await first.StopAsync();
        await Eventually.TrueAsync(() => ends.Distinct().Count() == keys.Length * (Tasks - 1), "all but the dead letters have run");
        foreach (string key in keys)
        {
            string[] own = [.. ends.Distinct().Where(end => end.StartsWith($"{key}/", StringComparison.Ordinal))];
            Assert.Equal(Enumerable.Range(0, Tasks).Where(number => number != 11).Select(number => $"{key}/{number}"), own);
        }

        Assert.Equal(3u, await queue.ReadyAsync("default.dead"));
    }

    [BrokerFact]
    public async Task A_limited_type_leaves_the_slots_to_the_others_wherever_its_tasks_come_from()
    {
        await using TestQueue queue = new(
            broker, ("Types:probe:MaxRunning", "1"), ("Types:other:Timeout", "00:01:00"), ("Worker:Concurrency", "3"));
        ITaskQueue producer = await queue.ProducerAsync();
        TaskCompletionSource<object?> hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Ledger ledger = new();
        ConcurrentQueue<string> others = new();
        await queue.StartAsync(builder =>
        {
            builder.Services.AddSingleton(new ProbeBehaviour(queue.Runs, async (_, _) =>
            {
                await ledger.DuringAsync(() => hold.Task);
                return null;
            }));
            builder.AddTaskWorker();
            builder.AddTaskHandler<string, ProbeHandler>("probe");
            builder.AddTaskHandler<string>("other", (text, _) =>
            {
                others.Enqueue(text);
                return Task.CompletedTask;
            });
        });
        await SendAsync(producer, 5, "limited", task => task);
        await using IChannel plain = await queue.PlainChannelAsync();
        // As one that knows nothing of lanes.
        await plain.BasicPublishAsync($"{queue.Prefix}.tasks", "default", mandatory: true, new BasicProperties { Type = "probe", Persistent = true, MessageId = "foreign" }, "\"limited\""u8.ToArray());
        await queue.Runs.NextAsync();
        foreach (int number in Enumerable.Range(0, 20))
        {
            await producer.EnqueueAsync(NewTask.Json("other", $"{number}"));
        }

        await Eventually.TrueAsync(() => others.Count == 20, "the others have run");
        hold.SetResult(null);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 6 && ledger.Running == 0, "the limited have run");
        Assert.Equal(1, ledger.MostAtOnce);
        InvalidTaskException refused = await Assert.ThrowsAsync<InvalidTaskException>(() => producer.EnqueueAsync(NewTask.Json("unknown", "")));
        Assert.Equal(InvalidTaskReason.UnknownType, refused.Reason);
    }

    [BrokerFact]
    public async Task A_task_comes_back_to_its_lane_from_the_delay_ladder_and_from_the_dead_letters()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Priorities", "true"), ("Retry:Delays:0", "00:00:00.100"));
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        EnqueuedTask task = await producer.EnqueueAsync(NewTask.Json("probe", Fails) with { Priority = TaskPriority.Low, Delay = TimeSpan.FromMilliseconds(200) });
        IHost worker = await queue.WorkerAsync((_, context) => context.Attempt < 5 ? throw new InvalidOperationException(Fails) : Task.FromResult<object?>(null));
        await Eventually.TrueAsync(async () => await queue.ReadyAsync("default.dead") == 1, "it is a dead letter");
        await worker.StopAsync();
        Assert.Equal(1, await letters.RedriveAsync(new DeadLetterFilter { Ids = new HashSet<string> { task.Id } }));
        await Eventually.TrueAsync(async () => await queue.ReadyAsync("default.low") == 1, "it is in its lane again");
        BasicGetResult message = await queue.TakeAsync("default.low");
        Assert.Equal((byte)1, message.BasicProperties.Priority);
        Assert.Equal("default", message.Header("wq-queue"));
    }

    [BrokerFact]
    public async Task A_key_or_a_priority_that_a_queue_does_not_tell_apart_is_refused_with_the_setting_it_lacks()
    {
        await using TestQueue queue = new(broker, ("Queues:laned:Lanes", "2"));
        ITaskQueue producer = await queue.ProducerAsync();
        InvalidTaskException priority = await Assert.ThrowsAsync<InvalidTaskException>(() => producer.EnqueueAsync(NewTask.Json("probe", "") with { Priority = TaskPriority.High }));
        Assert.Contains("WorkQueue:Queues:default:Priorities", priority.Message, StringComparison.Ordinal);
        InvalidTaskException key = await Assert.ThrowsAsync<InvalidTaskException>(() => producer.EnqueueAsync(NewTask.Json("probe", "") with { Key = "a" }));
        Assert.Contains("WorkQueue:Queues:default:Lanes", key.Message, StringComparison.Ordinal);
        InvalidTaskException empty = await Assert.ThrowsAsync<InvalidTaskException>(() => producer.EnqueueAsync(NewTask.Json("probe", "") with { Key = "", Queue = "laned" }));
        Assert.Contains("1 to 255 bytes", empty.Message, StringComparison.Ordinal);
    }

    [BrokerFact]
    public async Task Another_number_of_lanes_stops_the_start_with_the_way_to_change_it()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "4"));
        await queue.ProducerAsync();
        await queue.StartAsync(builder => builder.AddTaskQueue(), ("Queues:default:Lanes", "2"));
        await queue.LoggedAsync($"The queue '{queue.Prefix}.default' has 4 lanes, and the settings ask for 2 lanes.");
        await queue.LoggedAsync($"delete exchange name={queue.Prefix}.default.lanes");
    }

    private static Task<EnqueuedTask[]> SendAsync(ITaskQueue producer, int count, string text, Func<NewTask, NewTask> with) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(_ => producer.EnqueueAsync(with(NewTask.Json("probe", text)))));

    private static async Task<object?> PauseAsync(string text, TaskContext context)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, context.CancellationToken);
        return null;
    }
}
