using System.Globalization;
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

    private int _next;

    /// <summary>On a classic queue, for the comparison with peers that know no other.</summary>
    public bool IsClassic { get; init; }

    /// <summary>What else it is used for, where that declares something of its own.</summary>
    public string? Use { get; init; }

    /// <summary>So many queues, which tasks go to in turn, in place of the default one.</summary>
    public int Queues { get; init; }

    /// <summary>One per mode, kind and use: what is declared and bound must not change between the rounds.</summary>
    public string Prefix => $"ours-{history}{(IsClassic ? "-classic" : "")}{(Use is null ? "" : "-" + Use)}".ToLowerInvariant();

    /// <summary>What a program is set to that uses it.</summary>
    public IEnumerable<(string Key, string Value)> Settings =>
    [
        ("ConnectionStrings:rabbitmq", stage.ConnectionString),
        ("WorkQueue:Prefix", Prefix),
        ("WorkQueue:History", history.ToString()),
        ("WorkQueue:Queues:default:Type", (IsClassic ? TaskQueueType.Classic : TaskQueueType.Quorum).ToString()),
        .. QueueNames.Select(name => ($"WorkQueue:Queues:{name}:Type", nameof(TaskQueueType.Quorum))),
        ("WorkQueue:Worker:Queues", Queues == 0 ? "default" : string.Join(',', QueueNames)),
        .. settings.Select(Setting),
    ];

    private IEnumerable<string> QueueNames => Enumerable.Range(1, Queues).Select(number => string.Create(CultureInfo.InvariantCulture, $"q{number}"));

    public async Task PrepareAsync()
    {
        using (IHost host = await StartAsync(builder => builder.AddTaskQueue()))
        {
            await DeclaredAsync(QueueOf(host));
            await host.StopAsync();
        }

        await ClearAsync();
    }

    public Task ClearAsync() => stage.OnChannelAsync(async channel =>
    {
        foreach (string name in (IEnumerable<string>)["default", .. QueueNames])
        {
            await channel.QueuePurgeAsync($"{Prefix}.{name}");
        }
    });

    /// <summary>Deletes its queues, and those of their dead letters.</summary>
    public Task DeleteQueuesAsync() => stage.OnChannelAsync(async channel =>
    {
        foreach (string name in QueueNames.SelectMany(name => (string[])[name, $"{name}.dead"]))
        {
            await channel.QueueDeleteAsync($"{Prefix}.{name}", ifUnused: false, ifEmpty: false);
        }
    });

    /// <summary>Deletes what it knows of its tasks.</summary>
    public Task DeleteHistoryAsync() => stage.OnChannelAsync(channel => channel.QueueDeleteAsync($"{Prefix}.history", ifUnused: false, ifEmpty: false));

    public async Task<double> EnqueueAsync(string payload, Func<Func<Task>, Task<double>> measure)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = QueueOf(host);
        await DeclaredAsync(queue);
        double figure = await measure(() => queue.EnqueueAsync(NextOf(payload)));
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
        await Load.TimesAsync(callers, count, () => queue.EnqueueAsync(NextOf(payload(Interlocked.Increment(ref number)))));
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
        builder.Configuration.AddInMemoryCollection(Settings.Concat(more.Select(Setting)).Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        add(builder);
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    // The first one is confirmed when everything is declared, for which, with many queues, one does not wait long enough.
    private static async Task DeclaredAsync(ITaskQueue queue)
    {
        for (bool isDeclared = false; !isDeclared;)
        {
            try
            {
                await queue.EnqueueAsync(NewTask.Json("noop", ""));
                isDeclared = true;
            }
            catch (TaskNotEnqueuedException away) when (away.Outcome == PublishOutcome.Unavailable)
            {
                // It has waited for the connection as long as an enqueue does.
            }
        }
    }

    private NewTask NextOf(string payload)
    {
        NewTask task = NewTask.Json("noop", payload);
        return Queues == 0 ? task : task with { Queue = string.Create(CultureInfo.InvariantCulture, $"q{1 + (Interlocked.Increment(ref _next) % Queues)}") };
    }

    private static (string Key, string Value) Setting((string Key, string Value) setting) => ($"{WorkQueueOptions.Section}:{setting.Key}", setting.Value);

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
