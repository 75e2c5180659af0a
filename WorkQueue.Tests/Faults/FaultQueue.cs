using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>
/// A task queue on the broker that gets killed, under a prefix of its own. The hosts reach the broker by <paramref name="connectionString"/>,
/// perhaps over a link that breaks; the counting at the end does not.
/// </summary>
internal sealed class FaultQueue(IFaultBroker broker, string connectionString, params (string Key, string Value)[] settings) : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];

    /// <summary>The host started last.</summary>
    public IHost Last => _hosts[^1];

    public string Prefix { get; } = $"f{Guid.NewGuid():N}"[..12];

    public Ledger Ledger { get; } = new();

    /// <summary>Every run the workers of this queue made, in order.</summary>
    public Runs Runs { get; } = new();

    /// <summary>Everything the hosts logged, a line each.</summary>
    public ConcurrentQueue<string> Logged { get; } = new();

    /// <summary>A queue on a broker that runs.</summary>
    public static async Task<FaultQueue> CreateAsync(FaultBroker broker, params (string Key, string Value)[] settings)
    {
        await broker.EnsureRunningAsync();
        return new FaultQueue(broker, broker.ConnectionString, settings);
    }

    /// <summary>A queue whose hosts reach the broker over a link that can break.</summary>
    public static async Task<FaultQueue> CreateAsync(FaultBroker broker, TcpProxy link, params (string Key, string Value)[] settings)
    {
        await broker.EnsureRunningAsync();
        return new FaultQueue(broker, link.Over(broker.ConnectionString), settings);
    }

    public async Task<ITaskQueue> ProducerAsync(Action<IHostApplicationBuilder>? configure = null)
    {
        IHost host = await StartAsync(builder =>
        {
            builder.AddTaskQueue();
            configure?.Invoke(builder);
        });
        return host.Services.GetRequiredService<ITaskQueue>();
    }

    /// <summary>Starts a worker whose handler of type <c>probe</c> does what the test says.</summary>
    public Task<IHost> WorkerAsync(Func<string, TaskContext, Task>? handle = null, Action<IHostApplicationBuilder>? configure = null) => StartAsync(builder =>
    {
        builder.Services.AddSingleton(new ProbeBehaviour(Runs, (text, context) => RunAsync(handle, text, context)));
        builder.AddTaskWorker();
        builder.AddTaskHandler<string, ProbeHandler>("probe");
        configure?.Invoke(builder);
    });

    /// <summary>Enqueues tasks named <c>0</c>, <c>1</c> and so on, as an honest program does: each again under the same id until it is confirmed.</summary>
    public Task EnqueueAsync(ITaskQueue producer, int count, Func<int, NewTask>? make = null) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = 100 },
        async (number, _) => await EnqueueAsync(producer, make?.Invoke(number) ?? Probe(number)));

    /// <summary>Enqueues a task, again under the same id until it is confirmed.</summary>
    public async Task EnqueueAsync(ITaskQueue producer, NewTask task)
    {
        task = task with { Id = task.Id ?? Guid.CreateVersion7().ToString() };
        while (!await TryEnqueueAsync(producer, task))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }
    }

    public async Task<bool> TryEnqueueAsync(ITaskQueue producer, NewTask task)
    {
        try
        {
            Ledger.Confirm((await producer.EnqueueAsync(task)).Id);
            return true;
        }
        catch (TaskNotEnqueuedException)
        {
            return false;
        }
    }

    public static NewTask Probe(int number) => NewTask.Json("probe", number.ToString(CultureInfo.InvariantCulture)) with { Id = Guid.CreateVersion7().ToString() };

    /// <summary>Waits until every confirmed task has run to its end.</summary>
    public Task AllDoneAsync(TimeSpan? within = null) => Eventually.TrueAsync(() => Ledger.AllDone, "every confirmed task is done", within);

    public Task LoggedAsync(string text, int times = 1) =>
        Eventually.TrueAsync(() => Logged.Count(line => line.Contains(text, StringComparison.Ordinal)) >= times, $"'{text}' is logged {times} times");

    public async Task<Version> BrokerVersionAsync()
    {
        await using IConnection connection = await ConnectAsync();
        return BrokerFixture.VersionOf(connection);
    }

    public Task<uint> ReadyAsync() => CountAsync($"{Prefix}.default");

    public Task<uint> DeadAsync() => CountAsync($"{Prefix}.default.dead");

    public async Task<uint> ConsumersAsync()
    {
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        // Passively, not by ConsumerCountAsync: before the first worker has declared the queue there is none.
        return await channel.QueueDeclarePassiveAsync($"{Prefix}.default")
            .ContinueWith(found => found.IsCompletedSuccessfully ? found.Result.ConsumerCount : 0, TaskScheduler.Default);
    }

    /// <summary>Stops all hosts and counts what came of every task.</summary>
    public async Task<Balance> CloseAsync()
    {
        await StopAsync();
        List<string> waiting = [];
        foreach (string lane in Lanes())
        {
            waiting.AddRange(await TakeAllAsync(lane));
        }

        return Ledger.Close(waiting, await TakeAllAsync($"{Prefix}.default.dead"));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await broker.EnsureRunningAsync();
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        DelayLadder ladder = new(Prefix);
        string[] levels = [.. Enumerable.Range(0, DelayLadder.Levels).Select(ladder.Level)];
        foreach (string name in (string[])[.. Lanes(), $"{Prefix}.default.dead", ladder.Unrouted, $"{Prefix}.unreadable", $"{Prefix}.history", $"{Prefix}.control.log", $"{Prefix}.leader", $"{Prefix}.leader.log", .. levels])
        {
            await channel.QueueDeleteAsync(name);
        }
    }

    public async Task<IHost> StartAsync(Action<IHostApplicationBuilder> configure)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"WorkQueue:{setting.Key}", (string?)setting.Value)));
        builder.Configuration["ConnectionStrings:rabbitmq"] = connectionString;
        builder.Configuration["WorkQueue:Prefix"] = Prefix;
        builder.Logging.AddProvider(new LineLogger(Logged));
        configure(builder);
        IHost host = builder.Build();
        await host.StartAsync();
        _hosts.Add(host);
        return host;
    }

    public async Task StopAsync()
    {
        foreach (IHost host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }

        _hosts.Clear();
    }

    private async Task<object?> RunAsync(Func<string, TaskContext, Task>? handle, string text, TaskContext context)
    {
        await Ledger.DuringAsync(async () =>
        {
            await (handle?.Invoke(text, context) ?? Task.CompletedTask);
            Ledger.Succeed(context.Id);
        });
        return null;
    }

    private IEnumerable<string> Lanes() => Enumerable.Range(1, int.Parse(settings.FirstOrDefault(setting => setting.Key == "Queues:default:Lanes").Value ?? "1", CultureInfo.InvariantCulture))
        .Select(number => number == 1 ? $"{Prefix}.default" : $"{Prefix}.default.lane-{number}")
        .Concat(settings.Select(setting => setting.Key.Split(':')).Where(key => key is ["Types", _, "MaxRunning" or "Rate"]).Select(key => $"{Prefix}.default.type-{key[1]}").Distinct());

    private async Task<uint> CountAsync(string name)
    {
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        return await channel.MessageCountAsync(name);
    }

    private async Task<List<string>> TakeAllAsync(string name)
    {
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        List<string> ids = [];
        while (await channel.BasicGetAsync(name, autoAck: true) is { } message)
        {
            ids.Add(message.BasicProperties.MessageId!);
        }

        return ids;
    }

    public Task<IConnection> ConnectAsync() =>
        new ConnectionFactory { Uri = new Uri(broker.ConnectionString), AutomaticRecoveryEnabled = false }.CreateConnectionAsync("fault tests");
}
