using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Lanes, priorities and limits of this queue: a host that enqueues and one that runs, both in this process.</summary>
/// <param name="stage">Where.</param>
/// <param name="name">What it is called on the broker: what is declared differs.</param>
/// <param name="settings">What is set of it.</param>
internal sealed class OurLanes(Stage stage, string name, params (string Key, string Value)[] settings)
{
    private const string Small = "small";
    private const int SmallTasks = 10;

    private readonly Ours _ours = new(stage, HistoryMode.Off, settings) { Use = $"flow-{name}" };

    private bool HasKeys => settings.Any(setting => setting.Key == "Queues:default:Lanes");

    /// <summary>Tasks a second from the first enqueue until all are done.</summary>
    public async Task<double> RateAsync(int slots, int callers, int count)
    {
        Tally tally = new(count);
        using IHost worker = await WorkerAsync(slots, (_, _) =>
        {
            tally.Mark();
            return Task.CompletedTask;
        });
        using IHost producer = await _ours.StartAsync(builder => builder.AddTaskQueue());
        int number = 0;
        tally.Begin();
        await Load.TimesAsync(callers, count, () => Ours.QueueOf(producer).EnqueueAsync(TaskOf($"tenant {Interlocked.Increment(ref number) % 1000}")));
        await tally.All;
        await producer.StopAsync();
        await worker.StopAsync();
        return count / tally.Makespan;
    }

    /// <summary>Confirmed enqueues a second, and then runs a second of what is there.</summary>
    public async Task<double[]> FillAndRunAsync(int slots, int callers, int count)
    {
        using IHost producer = await _ours.StartAsync(builder => builder.AddTaskQueue());
        await Ours.QueueOf(producer).EnqueueAsync(TaskOf("first"));
        int number = 0;
        long start = Stopwatch.GetTimestamp();
        await Load.TimesAsync(callers, count, () => Ours.QueueOf(producer).EnqueueAsync(TaskOf($"tenant {Interlocked.Increment(ref number) % 1000}")));
        double filled = count / Stopwatch.GetElapsedTime(start).TotalSeconds;
        await producer.StopAsync();
        Tally tally = new(count + 1);
        using IHost worker = await WorkerAsync(slots, (_, _) =>
        {
            tally.Mark();
            return Task.CompletedTask;
        });
        await tally.All;
        await worker.StopAsync();
        return [filled, tally.Rate];
    }

    /// <summary>How long the tasks of a small tenant wait beside those of one that floods the queue, and some of others: the 95th percentile, in times that a task takes.</summary>
    public async Task<double> SmallTenantAsync(int slots, int flood, int tenants, TimeSpan time)
    {
        await ClearAsync();
        ConcurrentBag<double> waits = [];
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using IHost producer = await _ours.StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = Ours.QueueOf(producer);
        await Task.WhenAll(Enumerable.Range(0, flood).Chunk(1000).Select(some => queue.EnqueueManyAsync([.. some.Select(_ => TaskOf("flood"))])));
        using IHost worker = await WorkerAsync(slots, async (text, context) =>
        {
            if (text.StartsWith(Small, StringComparison.Ordinal))
            {
                waits.Add(Stopwatch.GetElapsedTime(long.Parse(text.AsSpan(Small.Length), CultureInfo.InvariantCulture)) / time);
                if (waits.Count == SmallTasks)
                {
                    all.TrySetResult();
                }
            }

            await Task.Delay(time, TimeProvider.System, context.CancellationToken);
        });
        // The others have little, all the time.
        using CancellationTokenSource enough = new();
        Task others = tenants > 2 ? TrickleAsync(queue, tenants, time / 2, enough.Token) : Task.CompletedTask;
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None);
        string stamp = $"{Small}{Stopwatch.GetTimestamp()}";
        await Task.WhenAll(Enumerable.Range(0, SmallTasks).Select(_ => queue.EnqueueAsync(TaskOf(Small) with { Body = NewTask.Json("noop", stamp).Body })));
        await all.Task;
        await enough.CancelAsync();
        await others;
        await worker.StopAsync();
        await producer.StopAsync();
        await ClearAsync();
        double[] sorted = [.. waits.Order()];
        return sorted[(int)Math.Ceiling(sorted.Length * 0.95) - 1];
    }

    private async Task TrickleAsync(ITaskQueue queue, int tenants, TimeSpan interval, CancellationToken enough)
    {
        using PeriodicTimer timer = new(interval);
        for (int number = 0; !enough.IsCancellationRequested && await timer.WaitForNextTickAsync(CancellationToken.None); number++)
        {
            await queue.EnqueueAsync(TaskOf($"tenant {number % (tenants - 2)}"), CancellationToken.None);
        }
    }

    private Task<IHost> WorkerAsync(int slots, Func<string, TaskContext, Task> handle) => _ours.StartAsync(
        builder =>
        {
            builder.AddTaskWorker();
            builder.AddTaskHandler("noop", handle);
        },
        ("Worker:Concurrency", slots.ToString(CultureInfo.InvariantCulture)));

    private NewTask TaskOf(string tenant) => NewTask.Json("noop", "") with { Key = HasKeys ? tenant : null };

    private Task ClearAsync() => stage.OnChannelAsync(async channel =>
    {
        await channel.QueueDeleteAsync($"{_ours.Prefix}.default");
        for (int lane = 2; lane <= 64; lane++)
        {
            await channel.QueueDeleteAsync($"{_ours.Prefix}.default.lane-{lane}");
        }
    });
}
