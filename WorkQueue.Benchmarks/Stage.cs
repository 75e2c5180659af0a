using System.Globalization;
using RabbitMQ.Client;
using WorkQueue.Benchmarks.Servers;

namespace WorkQueue.Benchmarks;

/// <summary>Where contenders are measured, and how much they get to do.</summary>
/// <param name="ConnectionString">The broker.</param>
/// <param name="IsQuick">Whether the run only shows that the benchmarks work.</param>
internal sealed record Stage(string ConnectionString, bool IsQuick)
{
    /// <summary>Queues as ours are: quorum, and durable like all quorum queues.</summary>
    public static readonly Dictionary<string, object?> Quorum = new() { ["x-queue-type"] = "quorum" };

    /// <summary>What a peer is compared on that knows no quorum queues.</summary>
    public static readonly Dictionary<string, object?> Classic = new() { ["x-queue-type"] = "classic" };

    /// <summary>A channel whose publishes wait for their confirms, as many of them at a time as callers there are.</summary>
    public static CreateChannelOptions Confirms => new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    /// <summary>Kills the broker and starts it again; returns when its port was open again.</summary>
    public Func<Task<long>> RestartBrokerAsync { get; init; } = () => throw new NotSupportedException("This process does not own the broker.");

    /// <summary>Where Hangfire keeps its jobs.</summary>
    public LocalServer Postgres { get; init; } = LocalServer.Postgres();

    /// <summary>Where Celery keeps its results.</summary>
    public LocalServer Redis { get; init; } = LocalServer.Redis();

    /// <summary>Where BullMQ keeps its jobs.</summary>
    public LocalServer DurableRedis { get; init; } = LocalServer.DurableRedis();

    /// <summary>A cluster, where one node is not enough.</summary>
    public LocalCluster Cluster { get; init; } = new();

    /// <summary>So many of something, in words.</summary>
    public static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    /// <summary>How much to do, by the kind of run.</summary>
    public T Pick<T>(T full, T quick) => IsQuick ? quick : full;

    /// <summary>A connection of a plain client, with nothing that a careful user would leave out.</summary>
    public Task<IConnection> ConnectAsync() => new ConnectionFactory { Uri = new Uri(ConnectionString) }.CreateConnectionAsync("benchmark");

    /// <summary>Does something on a channel of its own.</summary>
    public async Task OnChannelAsync(Func<IChannel, Task> act)
    {
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        await act(channel);
    }
}
