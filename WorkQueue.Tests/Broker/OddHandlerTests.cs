using System.Collections.Concurrent;
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
            broker, ("Queues:default:Type", type), ("Worker:Concurrency", slots.ToString(CultureInfo.InvariantCulture)), ("Worker:Prefetch", prefetch), ("Worker:HoldBudget", "00:00:10"),
            ("Worker:CancelGrace", "00:00:00.2"), ("Retry:Delays:0", "00:00:00.050"), ($"Types:{OddHandler.Short}:Timeout", OddHandler.Limit.ToString()),
            ($"Types:{OddHandler.Plain}:Queue", "default"), ("Types:good:Queue", "default"));
        ConcurrentDictionary<string, int> runs = new(StringComparer.Ordinal);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            OddHandler.Add(builder.Services, name => runs.AddOrUpdate(name, 1, (_, count) => count + 1));
            builder.AddTaskHandler("good", (string name, TaskContext _) => Task.FromResult(runs.AddOrUpdate(name, 1, (_, count) => count + 1)));
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        await queue.LoggedAsync("Connected to RabbitMQ", 2);
        if (prefetch == "adaptive")
        {
            await Task.WhenAll(Enumerable.Range(0, 100 * slots).Select(number => tasks.EnqueueAsync(NewTask.Json("good", $"before {number}"))));
            await queue.LoggedAsync("takes 2 tasks at a time");
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
