using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Support.Odd;

namespace WorkQueue.Tests.Broker;

/// <summary>Whatever a handler does is what becomes of its own task, and of no other.</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class OddHandlerTests(BrokerFixture broker)
{
    private static readonly (string, string)[] Settings =
    [
        ("Worker:HoldBudget", "00:00:10"), ("Worker:CancelGrace", "00:00:00.2"), ("Retry:Delays:0", "00:00:00.050"), ($"Types:{OddHandler.Short}:Timeout", OddHandler.Limit.ToString()),
        ($"Types:{OddHandler.Plain}:Queue", "default"), ("Types:good:Queue", "default"),
    ];

    [BrokerTheory]
    [InlineData(1, "quorum", "1")]
    [InlineData(16, "quorum", "1")]
    [InlineData(1, "classic", "1")]
    [InlineData(16, "classic", "1")]
    [InlineData(1, "quorum", "adaptive")]
    [InlineData(1, "classic", "adaptive")]
    [InlineData(16, "classic", "adaptive")]
    [InlineData(16, "quorum", "adaptive")]
    public async Task Each_odd_handler_decides_on_its_own_task_and_their_neighbours_run_once(int slots, string type, string prefetch)
    {
        await using TestQueue queue = new(
            broker, [("Queues:default:Type", type), ("Worker:Concurrency", slots.ToString(CultureInfo.InvariantCulture)), ("Worker:Prefetch", prefetch), .. Settings]);
        ConcurrentDictionary<string, int> runs = new(StringComparer.Ordinal);
        IHost host = await StartAsync(queue, runs, () => { });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        if (prefetch == "adaptive")
        {
            await GrowAsync(queue, tasks, 100 * slots);
        }

        Dictionary<string, string> names = new(StringComparer.Ordinal);
        foreach (OddHandler odd in OddHandler.All)
        {
            names.Add((await tasks.EnqueueAsync(NewTask.Json(odd.Type, odd.Name))).Id, odd.Name);
            string neighbour = $"beside {odd.Name}";
            names.Add((await tasks.EnqueueAsync(NewTask.Json("good", neighbour))).Id, neighbour);
        }

        Dictionary<string, HistoryRecord> ends = await EndsAsync(host, [.. names.Keys]);
        // What would run again does so by then.
        await Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "nothing waits");
        await host.StopAsync();
        string[] wrong =
        [
            .. names.Select(task => (Wanted: Wanted(task.Value), Got: ends[task.Key], Runs: runs.GetValueOrDefault(task.Value)))
                .Where(task => (task.Got.State, task.Runs) != (task.Wanted.State, task.Wanted.Runs) || !Tells(task.Got, task.Wanted.Text))
                .Select(task => $"{task.Wanted.Name}: {task.Got.State}, {task.Runs} runs, {task.Got.Reason} {task.Got.Error}"),
        ];
        Assert.True(wrong.Length == 0, string.Join(Environment.NewLine, wrong));
        Assert.DoesNotContain(queue.Logged, line => line.Contains("stopped taking tasks", StringComparison.Ordinal));
    }

    // Where nothing is recorded of the one before, the next begins on its thread.
    [BrokerFact]
    public async Task In_a_slot_that_holds_many_none_sees_what_another_has_left_and_none_keeps_those_behind_it()
    {
        await using TestQueue queue = new(broker, [("History", "Off"), ("Worker:Concurrency", "1"), ("Worker:Prefetch", "adaptive"), .. Settings]);
        ConcurrentDictionary<string, int> runs = new(StringComparer.Ordinal);
        ConcurrentQueue<string> seen = [];
        IHost host = await StartAsync(queue, runs, () => seen.Enqueue(
            $"{Thread.CurrentThread.Priority} {SynchronizationContext.Current} {CultureInfo.CurrentCulture.NumberFormat.NegativeSign} {Activity.Current?.OperationName == OddManners.Trace}"));
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        await GrowAsync(queue, tasks, 200);
        foreach (OddHandler odd in OddHandler.All)
        {
            await tasks.EnqueueAsync(NewTask.Json(odd.Type, odd.Name));
            await tasks.EnqueueAsync(NewTask.Json("good", $"beside {odd.Name}"));
        }

        uint dead = (uint)OddHandler.All.Count(odd => odd.State == TaskState.DeadLettered);
        await Eventually.TrueAsync(() => OddHandler.All.All(odd => runs.ContainsKey($"beside {odd.Name}")), "all neighbours have run", 2 * TestEnvironment.Patience);
        await Eventually.EqualAsync(dead, async () => await queue.ReadyAsync("default.dead"), "what fails is set aside");
        await Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "nothing waits");
        await host.StopAsync();
        Assert.Equal(OddHandler.All.ToDictionary(odd => odd.Name, odd => odd.Runs), OddHandler.All.ToDictionary(odd => odd.Name, odd => runs[odd.Name]));
        Assert.Equal([$"{ThreadPriority.Normal}  {CultureInfo.InvariantCulture.NumberFormat.NegativeSign} {false}"], seen.Distinct());
    }

    // Counts the runs of each by its name; the good ones besides do what is given.
    private static async Task<IHost> StartAsync(TestQueue queue, ConcurrentDictionary<string, int> runs, Action good)
    {
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            OddHandler.Add(builder.Services, name => runs.AddOrUpdate(name, 1, (_, count) => count + 1));
            builder.AddTaskHandler("good", (string name, TaskContext _) =>
            {
                good();
                return Task.FromResult(runs.AddOrUpdate(name, 1, (_, count) => count + 1));
            });
        });
        await queue.LoggedAsync("Connected to RabbitMQ", 2);
        return host;
    }

    private static async Task GrowAsync(TestQueue queue, ITaskQueue tasks, int count)
    {
        await Task.WhenAll(Enumerable.Range(0, count).Select(number => tasks.EnqueueAsync(NewTask.Json("good", $"before {number}"))));
        await queue.LoggedAsync("takes 2 tasks at a time");
    }

    private static OddHandler Wanted(string name) => OddHandler.All.SingleOrDefault(odd => odd.Name == name) ?? new(name, OddHandler.Does(_ => { }));

    private static bool Tells(HistoryRecord end, string text) =>
        text.Length == 0 ? end.State == TaskState.DeadLettered || end.Reason is null : $"{end.Reason} {end.Error}".Contains(text, StringComparison.Ordinal);

    private static async Task<Dictionary<string, HistoryRecord>> EndsAsync(IHost host, HashSet<string> ids)
    {
        Dictionary<string, HistoryRecord> ends = new(StringComparer.Ordinal);
        using CancellationTokenSource limit = new(2 * TestEnvironment.Patience);
        await foreach (IReadOnlyList<HistoryRecord> group in host.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            foreach (HistoryRecord end in group.Where(record => record.State is TaskState.Succeeded or TaskState.DeadLettered && ids.Contains(record.TaskId)))
            {
                ends.Add(end.TaskId, end);
            }

            if (ends.Count == ids.Count)
            {
                return ends;
            }
        }

        return ends;
    }
}
