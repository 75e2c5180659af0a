using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Keys, chains, batches and schedules of this queue, as a user has them: a host that enqueues and one that runs, both in this process.</summary>
internal sealed class OurWorkflows(Stage stage, HistoryMode history)
{
    private static readonly NewTask Noop = NewTask.Json("noop", new string('x', 100));

    private readonly Ours _ours = new(stage, history) { Use = "workflows" };

    /// <summary>Confirmed tasks a second, by many callers and by one, of keys that are made of their numbers; the key <c>held</c> is held.</summary>
    public async Task<double[]> EnqueueRatesAsync(int callers, TimeSpan time, Func<int, string?> key)
    {
        await ClearAsync();
        using IHost host = await _ours.StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = Ours.QueueOf(host);
        await queue.EnqueueAsync(Keyed(key(0) is null ? null : "held"));
        int number = 0;
        Func<Task> enqueue = () => queue.EnqueueAsync(Keyed(key(Interlocked.Increment(ref number))));
        double[] rates = [await Load.RateAsync(callers, time, enqueue), await Load.RateAsync(1, time, enqueue)];
        await host.StopAsync();
        return rates;
    }

    /// <summary>Tasks a second from the first enqueue until all are done, of chains of a length; one is a task alone.</summary>
    public Task<double> ChainsAsync(int slots, int callers, int count, int length)
    {
        NewTask chain = Noop with { Then = [.. Enumerable.Repeat(Noop, length - 1)] };
        return RunAsync(slots, count, host => Load.TimesAsync(callers, count / length, () => Ours.QueueOf(host).EnqueueAsync(chain)));
    }

    /// <summary>Tasks a second from the first enqueue until all are done, each with a key of its own or none.</summary>
    public Task<double> KeysAsync(int slots, int callers, int count, bool hasKey)
    {
        int number = 0;
        return RunAsync(slots, count, host => Load.TimesAsync(callers, count, () => Ours.QueueOf(host).EnqueueAsync(Keyed(hasKey ? Text(Interlocked.Increment(ref number)) : null))), isLed: hasKey);
    }

    /// <summary>Tasks a second from the enqueue of all at once until they are done.</summary>
    public Task<double> ManyAsync(int slots, int count) => RunAsync(slots, count, host => Ours.QueueOf(host).EnqueueManyAsync([.. Enumerable.Repeat(Noop, count)]));

    /// <summary>The same as members of a batch, and what follows it.</summary>
    public Task<double> BatchAsync(int slots, int count) => RunAsync(slots, count + 1, host => host.Services.GetRequiredService<ITaskBatches>()
        .EnqueueAsync([.. Enumerable.Repeat(Noop, count)], new BatchOptions { OnComplete = Noop }), isLed: true);

    /// <summary>Schedules of every second.</summary>
    public async Task<double[]> SchedulesAsync(int slots, int schedules, int seconds)
    {
        await ClearAsync();
        Occurrences occurrences = new(schedules);
        using IHost host = await _ours.StartAsync(
            builder =>
            {
                builder.AddTaskWorker();
                builder.AddTaskHandler("noop", (int number, TaskContext _) => Done(() => occurrences.Mark(number)));
                for (int number = 0; number < schedules; number++)
                {
                    builder.Services.AddTaskSchedule(Text(number), "* * * * * *", number, schedule => schedule.Type = "noop");
                }
            },
            ("Worker:Concurrency", Text(slots)));
        double[] figures = await occurrences.MeasureAsync(seconds);
        await host.StopAsync();
        return figures;
    }

    private async Task<double> RunAsync(int slots, int count, Func<IHost, Task> enqueue, bool isLed = false)
    {
        await ClearAsync();
        Tally tally = new(count);
        TaskCompletionSource isWarm = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using IHost worker = await _ours.StartAsync(
            builder =>
            {
                builder.AddTaskWorker();
                builder.AddTaskHandler("noop", (string _, TaskContext _) => Done(tally.Mark));
                builder.AddTaskHandler("warm", (string _, TaskContext _) => Done(() => isWarm.TrySetResult()));
            },
            ("Worker:Concurrency", Text(slots)));
        using IHost producer = await _ours.StartAsync(builder => builder.AddTaskQueue());
        // From a task with a key on one leads.
        await Ours.QueueOf(producer).EnqueueAsync(Keyed(isLed ? "warm" : null) with { Type = "warm" });
        await isWarm.Task;
        tally.Begin();
        await enqueue(producer);
        await tally.All;
        await producer.StopAsync();
        await worker.StopAsync();
        return count / tally.Makespan;
    }

    // Of earlier rounds nothing is to be kept, and nothing to be led.
    private Task ClearAsync() => stage.OnChannelAsync(async channel =>
    {
        foreach (string name in (string[])["default", "leader", "leader.log", "history"])
        {
            await channel.QueueDeleteAsync($"{_ours.Prefix}.{name}");
        }
    });

    private static NewTask Keyed(string? key) => Noop with { Unique = key is null ? null : new UniqueOptions { Key = key } };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Task Done(Action act)
    {
        act();
        return Task.CompletedTask;
    }
}
