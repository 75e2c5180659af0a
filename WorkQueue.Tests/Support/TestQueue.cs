using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Support;

/// <summary>A task queue under a prefix of its own, with hosts as a user would build them; its queues are deleted at the end, or, of the delay ladder, kept for another test.</summary>
internal sealed class TestQueue : IAsyncDisposable
{
    private readonly BrokerFixture _broker;
    private readonly Dictionary<string, string?> _settings;
    private readonly List<IHost> _hosts = [];
    private IConnection? _plain;

    public TestQueue(BrokerFixture broker, params (string Key, string Value)[] settings)
    {
        _broker = broker;
        Prefix = TestPrefixes.Take(broker);
        _settings = settings.ToDictionary(setting => $"WorkQueue:{setting.Key}", setting => (string?)setting.Value);
        _settings["ConnectionStrings:rabbitmq"] = broker.ConnectionString;
        _settings["WorkQueue:Prefix"] = Prefix;
        // As producer and worker have it.
        _settings.TryAdd("WorkQueue:Queues:default:DefaultType", "simulate");
    }

    /// <summary>The host started last.</summary>
    public IHost Last => _hosts[^1];

    public string Prefix { get; }

    /// <summary>Every run the workers of this queue made, in order.</summary>
    public Runs Runs { get; } = new();

    /// <summary>Everything the hosts logged, a line each.</summary>
    public ConcurrentQueue<string> Logged { get; } = new();

    /// <summary>A channel of a plain client on the same broker; a publish on it returns when it is confirmed.</summary>
    public async Task<IChannel> PlainChannelAsync()
    {
        _plain ??= await _broker.ConnectAsync();
        return await _plain.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
    }

    public async Task<ITaskQueue> ProducerAsync()
    {
        IHost host = await StartAsync(builder => builder.AddTaskQueue());
        await Eventually.HealthAsync(host, report => report.Status == HealthStatus.Healthy, "the producer is connected");
        return host.Services.GetRequiredService<ITaskQueue>();
    }

    /// <summary>Starts a worker whose handler of type <c>probe</c> does what the test says.</summary>
    public Task<IHost> WorkerAsync(Func<string, TaskContext, Task<object?>>? handle = null, params (string Key, string Value)[] settings) =>
        StartAsync(
            builder =>
            {
                builder.Services.AddSingleton(new ProbeBehaviour(Runs, handle ?? ((_, _) => Task.FromResult<object?>(null))));
                builder.AddTaskWorker();
                builder.AddTaskHandler<string, ProbeHandler>("probe");
            },
            settings);

    public async Task<IHost> StartAsync(Action<IHostApplicationBuilder> configure, params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(_settings);
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"WorkQueue:{setting.Key}", (string?)setting.Value)));
        builder.Logging.AddProvider(new LineLogger(Logged));
        builder.Logging.SetMinimumLevel(LogLevel.Debug);
        configure(builder);
        IHost host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync();
        return host;
    }

    /// <summary>Waits until the hosts have logged a line so many times.</summary>
    public Task LoggedAsync(string text, int times = 1) =>
        Eventually.TrueAsync(() => Logged.Count(line => line.Contains(text, StringComparison.Ordinal)) >= times, $"'{text}' is logged {times} times");

    public async Task<uint> ReadyAsync(string queue = "default")
    {
        await using IChannel channel = await PlainChannelAsync();
        return await channel.MessageCountAsync($"{Prefix}.{queue}");
    }

    /// <summary>The next message of a queue, taken away from it.</summary>
    public async Task<BasicGetResult> TakeAsync(string queue)
    {
        await using IChannel channel = await PlainChannelAsync();
        BasicGetResult? message = null;
        await Eventually.TrueAsync(async () => (message = await channel.BasicGetAsync($"{Prefix}.{queue}", autoAck: true)) is not null, $"a message in {queue}");
        return message!;
    }

    public async ValueTask DisposeAsync()
    {
        string[] known =
        [
            .. _hosts.Select(host => host.Services.GetService<TaskTopology>()).OfType<TaskTopology>()
                .SelectMany(topology => topology.All).SelectMany(queue => (string[])[queue.DeadBrokerName, queue.LaneMark, .. queue.Lanes.All.Select(lane => lane.BrokerName)]).Distinct(),
        ];
        foreach (IHost host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }

        await DeleteAsync(known);
        if (_plain is not null)
        {
            await _plain.DisposeAsync();
        }
    }

    private async Task DeleteAsync(string[] known)
    {
        await using IChannel channel = await PlainChannelAsync();
        DelayLadder ladder = new(Prefix);
        bool keepsLadder = await TestPrefixes.CanReturnAsync(_broker, _plain!, ladder);
        string[] levels = keepsLadder ? [] : [.. Enumerable.Range(0, DelayLadder.Levels).Select(ladder.Level)];
        string[] queues = [.. _settings.Keys.Where(key => key.StartsWith("WorkQueue:Queues:", StringComparison.Ordinal)).Select(key => key.Split(':')[2]).Append("default").Distinct()];
        foreach (string name in (string[])[.. queues.Select(queue => $"{Prefix}.{queue}"), .. queues.Select(queue => $"{Prefix}.{queue}.dead"), ladder.Unrouted, $"{Prefix}.unreadable", $"{Prefix}.history", $"{Prefix}.control.log", $"{Prefix}.leader", $"{Prefix}.leader.log", .. levels, .. known])
        {
            await channel.QueueDeleteAsync(name);
        }

        string[] ends = keepsLadder ? [] : [ladder.EntryExchange, ladder.ExitExchange];
        foreach (string name in (string[])[$"{Prefix}.tasks", $"{Prefix}.dead", $"{Prefix}.events", $"{Prefix}.control", ladder.Unrouted, $"{Prefix}.unreadable", .. ends, .. levels])
        {
            await channel.ExchangeDeleteAsync(name);
        }

        foreach (string mark in known.Where(name => name.EndsWith(TaskQueue.LaneMarkEnd, StringComparison.Ordinal)))
        {
            await channel.ExchangeDeleteAsync(mark);
        }

        if (keepsLadder)
        {
            TestPrefixes.Return(_broker, Prefix);
        }
    }
}

/// <summary>The runs of a test's workers.</summary>
internal sealed class Runs
{
    private readonly Channel<TaskContext> _started = Channel.CreateUnbounded<TaskContext>();

    public ConcurrentQueue<(string Text, TaskContext Context)> All { get; } = new();

    public void Add(string text, TaskContext context)
    {
        All.Enqueue((text, context));
        _started.Writer.TryWrite(context);
    }

    /// <summary>The next run that starts.</summary>
    public async Task<TaskContext> NextAsync() => await _started.Reader.ReadAsync().AsTask().WaitAsync(TestEnvironment.Patience);
}

internal sealed record ProbeBehaviour(Runs Runs, Func<string, TaskContext, Task<object?>> Handle);

internal sealed class ProbeHandler(ProbeBehaviour behaviour) : ITaskHandler<string>
{
    public Task<object?> HandleAsync(string payload, TaskContext context)
    {
        behaviour.Runs.Add(payload, context);
        return behaviour.Handle(payload, context);
    }
}

/// <summary>Shorter calls for tests.</summary>
internal static class ProbeExtensions
{
    /// <summary>A text header of a message, or null.</summary>
    public static string? Header(this BasicGetResult message, string name) =>
        message.BasicProperties.Headers!.TryGetValue(name, out object? value) && value is byte[] text ? Encoding.UTF8.GetString(text) : null;

    /// <summary>Waits until the first slot of a worker gives up its place. Not told by the broker: a quorum queue counts a consumer that was cancelled until it has settled its task.</summary>
    public static Task LeavesAsync(this IHost worker) =>
        Eventually.TrueAsync(() => worker.Services.GetRequiredService<TaskWorkerService>().Slots[0].HasLeft, "the slot leaves its queue");

    /// <summary>The consumer of a worker's first slot. Its first task may have run before the broker's answer made it one.</summary>
    public static async Task<TaskConsumer> ConsumerAsync(this IHost worker)
    {
        TaskSlot slot = worker.Services.GetRequiredService<TaskWorkerService>().Slots[0];
        TaskConsumer? consumer = null;
        await Eventually.TrueAsync(() => (consumer = slot.Consumer) is not null, "the slot is a consumer");
        return consumer!;
    }

    public static Task<EnqueuedTask> ProbeAsync(this ITaskQueue queue, string text = "", DateTimeOffset? notBefore = null) =>
        queue.EnqueueAsync(new NewTask { Type = "probe", Body = JsonSerializer.SerializeToUtf8Bytes(text), ContentType = "application/json", NotBefore = notBefore });
}
