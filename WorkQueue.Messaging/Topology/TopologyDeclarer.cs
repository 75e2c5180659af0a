using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Topology;

/// <summary>Declares every exchange, queue and binding. Nothing is ever deleted or changed.</summary>
internal sealed class TopologyDeclarer(TaskTopology topology)
{
    private readonly TaskCompletionSource _declared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The queue of the turns to declare, or null where this program has declared everything before.</summary>
    public string? Lock => _declared.Task.IsCompleted ? null : topology.DeclareLock;

    /// <summary>Completes when this program has declared everything.</summary>
    public Task Declared => _declared.Task;

    /// <summary>Declares on a channel that is used for nothing else: a refusal closes it.</summary>
    /// <exception cref="TopologyMismatchException">Something exists with other arguments.</exception>
    public async Task DeclareAsync(IChannel channel, CancellationToken cancellationToken)
    {
        await ExchangeAsync(channel, topology.TasksExchange, ExchangeType.Direct, null, cancellationToken);
        await ExchangeAsync(channel, topology.DeadExchange, ExchangeType.Direct, null, cancellationToken);
        await DeclareParkAsync(channel, topology.Unreadable, cancellationToken);
        await DeclareLadderAsync(channel, topology.Delays, cancellationToken);
        foreach (TaskQueue queue in topology.All)
        {
            await DeclareTaskQueueAsync(channel, queue, cancellationToken);
        }

        await DeclareHistoryAsync(channel, topology.History, cancellationToken);
        foreach (TaskQueue subscription in topology.Subscriptions)
        {
            foreach (TopicPattern pattern in subscription.Patterns)
            {
                await channel.QueueBindAsync(subscription.BrokerName, topology.EventsExchange, pattern.ToString(), null, false, cancellationToken);
            }
        }

        _declared.TrySetResult();
    }

    private async Task DeclareHistoryAsync(IChannel channel, HistoryTopology history, CancellationToken cancellationToken)
    {
        await ExchangeAsync(channel, topology.EventsExchange, ExchangeType.Topic, null, cancellationToken);
        await ExchangeAsync(channel, history.ControlExchange, ExchangeType.Fanout, null, cancellationToken);
        await QueueAsync(channel, history.ControlLog, history.ControlArguments, cancellationToken);
        await channel.QueueBindAsync(history.ControlLog, history.ControlExchange, "", null, false, cancellationToken);
        await QueueAsync(channel, history.Stream, history.StreamArguments, cancellationToken);
        foreach ((string exchange, string key, bool wanted) in HistoryBindings(history))
        {
            // What another setting bound is taken off again: a record nobody wants would still cost its write.
            await (wanted
                ? channel.QueueBindAsync(history.Stream, exchange, key, null, false, cancellationToken)
                : channel.QueueUnbindAsync(history.Stream, exchange, key, null, cancellationToken));
        }
    }

    private IEnumerable<(string Exchange, string Key, bool Wanted)> HistoryBindings(HistoryTopology history)
    {
        bool routed = history.ByRouting && history.Mode != HistoryMode.Off;
        yield return (topology.EventsExchange, "task.#", history.Mode != HistoryMode.Off);
        yield return (topology.Delays.EntryExchange, "#", routed);
        foreach (TaskQueue queue in topology.Queues)
        {
            yield return (topology.TasksExchange, queue.Name, routed && history.Mode == HistoryMode.All);
            yield return (topology.DeadExchange, queue.Name, routed);
        }
    }

    private async Task DeclareTaskQueueAsync(IChannel channel, TaskQueue queue, CancellationToken cancellationToken)
    {
        await QueueAsync(channel, queue.DeadBrokerName, TaskQueue.DeadArguments, cancellationToken);
        await channel.QueueBindAsync(queue.DeadBrokerName, topology.DeadExchange, queue.Name, null, false, cancellationToken);
        await QueueAsync(channel, queue.BrokerName, queue.Arguments, cancellationToken);
        await channel.QueueBindAsync(queue.BrokerName, topology.TasksExchange, queue.Name, null, false, cancellationToken);
        string exitKey = DelayLadder.ExitKey(queue.Name);
        await channel.QueueBindAsync(queue.BrokerName, topology.Delays.ExitExchange, exitKey, null, false, cancellationToken);
    }

    private static async Task DeclareLadderAsync(IChannel channel, DelayLadder ladder, CancellationToken cancellationToken)
    {
        await DeclareParkAsync(channel, ladder.Unrouted, cancellationToken);
        Dictionary<string, object?> alternate = new() { ["alternate-exchange"] = ladder.Unrouted };
        await ExchangeAsync(channel, ladder.ExitExchange, ExchangeType.Topic, alternate, cancellationToken);
        await ExchangeAsync(channel, ladder.EntryExchange, ExchangeType.Topic, null, cancellationToken);
        for (int level = 0; level < DelayLadder.Levels; level++)
        {
            await DeclareLevelAsync(channel, ladder, level, cancellationToken);
        }
    }

    // For what must not be lost and has nowhere to go.
    private static async Task DeclareParkAsync(IChannel channel, string name, CancellationToken cancellationToken)
    {
        await ExchangeAsync(channel, name, ExchangeType.Fanout, null, cancellationToken);
        await QueueAsync(channel, name, TaskQueue.DeadArguments, cancellationToken);
        await channel.QueueBindAsync(name, name, "", null, false, cancellationToken);
    }

    private static async Task DeclareLevelAsync(IChannel channel, DelayLadder ladder, int level, CancellationToken cancellationToken)
    {
        string name = ladder.Level(level);
        string next = ladder.After(level);
        Dictionary<string, object?> arguments = new()
        {
            ["x-queue-type"] = "quorum",
            ["x-message-ttl"] = (long)DelayLadder.TimeAt(level).TotalMilliseconds,
            // No dead-letter-routing-key: the key carries the digits that are still to come.
            ["x-dead-letter-exchange"] = next,
            ["x-dead-letter-strategy"] = "at-least-once",
            ["x-overflow"] = "reject-publish",
        };
        await ExchangeAsync(channel, name, ExchangeType.Topic, null, cancellationToken);
        await QueueAsync(channel, name, arguments, cancellationToken);
        await channel.QueueBindAsync(name, name, DelayLadder.LevelKey(level, set: true), null, false, cancellationToken);
        await channel.ExchangeBindAsync(next, name, DelayLadder.LevelKey(level, set: false), null, false, cancellationToken);
        await channel.QueueBindAsync(name, ladder.EntryExchange, DelayLadder.EntryKey(level), null, false, cancellationToken);
    }

    private static Task ExchangeAsync(
        IChannel channel, string name, string type, Dictionary<string, object?>? arguments, CancellationToken cancellationToken) =>
        DeclareAsync("exchange", name, () => channel.ExchangeDeclareAsync(name, type, durable: true, autoDelete: false, arguments, false, false, cancellationToken));

    private static Task QueueAsync(
        IChannel channel, string name, IReadOnlyDictionary<string, object?> arguments, CancellationToken cancellationToken) =>
        DeclareAsync("queue", name, () => channel.QueueDeclareAsync(
            name, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>(arguments), false, false, cancellationToken));

    private static async Task DeclareAsync(string kind, string name, Func<Task> declare)
    {
        try
        {
            await declare();
        }
        catch (OperationInterruptedException refusal) when (refusal.ShutdownReason?.ReplyCode == Constants.PreconditionFailed)
        {
            throw TopologyMismatchException.Of(kind, name, refusal.ShutdownReason.ReplyText, refusal);
        }
    }
}
