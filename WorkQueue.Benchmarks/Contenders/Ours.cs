using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>This queue, as a user has it: a host with <c>AddTaskQueue</c> or <c>AddTaskWorker</c>, and their defaults unless said otherwise.</summary>
internal sealed class Ours(Stage stage, HistoryMode history = HistoryMode.Off, params (string Key, string Value)[] settings) : ISubject
{
    /// <summary>The setting with which a slot is given more than one task at a time while they are short.</summary>
    public static readonly (string Key, string Value) Adaptive = ("Worker:Prefetch", "adaptive");

    /// <summary>On a classic queue, for the comparison with peers that know no other.</summary>
    public bool IsClassic { get; init; }

    /// <summary>What else it is used for, where that declares something of its own.</summary>
    public string? Use { get; init; }

    /// <summary>One per mode, kind and use: what is declared and bound must not change between the rounds.</summary>
    public string Prefix => $"ours-{history}{(IsClassic ? "-classic" : "")}{(Use is null ? "" : "-" + Use)}".ToLowerInvariant();

    public async Task PrepareAsync()
    {
        using (IHost host = await StartAsync(builder => builder.AddTaskQueue()))
        {
            // The first one returns when everything is declared.
            await QueueOf(host).EnqueueAsync(NewTask.Json("noop", ""));
            await host.StopAsync();
        }

        await ClearAsync();
    }

    public Task ClearAsync() => stage.OnChannelAsync(channel => channel.QueuePurgeAsync($"{Prefix}.default"));

    public async Task<double> EnqueueAsync(string payload, Func<Func<Task>, Task<double>> measure)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = QueueOf(host);
        double figure = await measure(() => queue.EnqueueAsync(NewTask.Json("noop", payload)));
        await host.StopAsync();
        return figure;
    }

    /// <summary>Confirmed tasks a second, handed over many at a time.</summary>
    public async Task<double> EnqueueManyAsync(int batch, string payload, TimeSpan time)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = QueueOf(host);
        NewTask[] tasks = [.. Enumerable.Repeat(NewTask.Json("noop", payload), batch)];
        double rate = batch * await Load.RateAsync(1, time, () => queue.EnqueueManyAsync(tasks));
        await host.StopAsync();
        return rate;
    }

    public async Task FillAsync(int count, Func<int, string> payload, int callers = 256)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = QueueOf(host);
        int number = -1;
        await Load.TimesAsync(callers, count, () => queue.EnqueueAsync(NewTask.Json("noop", payload(Interlocked.Increment(ref number)))));
        await host.StopAsync();
    }

    public async Task ConsumeAsync(int slots, Tally tally, Func<string, Task>? work = null)
    {
        using IHost host = await StartAsync(
            builder =>
            {
                builder.AddTaskWorker();
                builder.AddTaskHandler<string, Handler>("noop");
                builder.Services.AddSingleton(new Work(tally, work));
            },
            ("Worker:Concurrency", $"{slots}"));
        await tally.All;
        await host.StopAsync();
    }

    public async Task<double[]> LatencyAsync(int count, TimeSpan pause)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = QueueOf(host);
        Latencies latencies = new(count);
        Tally tally = new(count);
        Task consuming = ConsumeAsync(1, tally, stamp =>
        {
            latencies.Received(Encoding.ASCII.GetBytes(stamp));
            return Task.CompletedTask;
        });
        await latencies.SendAsync(pause, stamp => queue.EnqueueAsync(NewTask.Json("noop", Encoding.ASCII.GetString(stamp.Span))));
        await consuming;
        await host.StopAsync();
        return latencies.Milliseconds();
    }

    public static ITaskQueue QueueOf(IHost host) => host.Services.GetRequiredService<ITaskQueue>();

    /// <summary>A host on its queue, as it runs.</summary>
    public async Task<IHost> StartAsync(Action<IHostApplicationBuilder> add, params (string Key, string Value)[] more)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(
        [
            KeyValuePair.Create("ConnectionStrings:rabbitmq", (string?)stage.ConnectionString),
            KeyValuePair.Create("WorkQueue:Prefix", (string?)Prefix),
            KeyValuePair.Create("WorkQueue:History", (string?)history.ToString()),
            KeyValuePair.Create("WorkQueue:Queues:default:Type", (string?)(IsClassic ? TaskQueueType.Classic : TaskQueueType.Quorum).ToString()),
            .. settings.Concat(more).Select(setting => KeyValuePair.Create($"WorkQueue:{setting.Key}", (string?)setting.Value)),
        ]);
        add(builder);
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private sealed record Work(Tally Tally, Func<string, Task>? DoAsync);

    private sealed class Handler(Work work) : ITaskHandler<string>
    {
        public async Task<object?> HandleAsync(string payload, TaskContext context)
        {
            if (work.DoAsync is not null)
            {
                await work.DoAsync(payload);
            }

            work.Tally.Mark();
            return null;
        }
    }
}
