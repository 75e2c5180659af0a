using System.Collections.Concurrent;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Topology;

/// <summary>Declares every exchange, queue and binding. Nothing is ever deleted or changed.</summary>
internal sealed class TopologyDeclarer(TaskTopology topology)
{
    private readonly TaskCompletionSource _declared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Task queues whose delivery limit on the broker is another.
    private readonly ConcurrentDictionary<string, bool> _limited = new(StringComparer.Ordinal);

    /// <summary>Takes a queue as it is where only the broker's own limit on deliveries differs: it is a net, and earlier versions hung it lower.</summary>
    /// <returns>Whether to declare again.</returns>
    public bool Accepts(TopologyMismatchException mismatch)
    {
        TaskQueue? limited = mismatch.Argument == TaskQueue.DeliveryLimitArgument ? topology.All.FirstOrDefault(queue => queue.Lanes.All.Any(lane => lane.BrokerName == mismatch.Name)) : null;
        if (limited is null)
        {
            return false;
        }

        limited.TakeBrokerDeliveryLimit(mismatch.Current);
        return _limited[mismatch.Name] = true;
    }

    /// <summary>A queue that was taken as it is may be gone: forgets them all.</summary>
    /// <returns>Whether to declare again.</returns>
    public bool ForgetsAccepted()
    {
        bool hadSome = !_limited.IsEmpty;
        _limited.Clear();
        return hadSome;
    }

    /// <summary>The queue of the turns to declare, or null where this program has declared everything before.</summary>
    public string? Lock => _declared.Task.IsCompleted ? null : topology.DeclareLock;

    /// <summary>Completes when this program has declared everything.</summary>
    public Task Declared => _declared.Task;

    /// <summary>Declares everything.</summary>
    /// <exception cref="TopologyMismatchException">Something exists with other arguments.</exception>
    /// <exception cref="BrokerRefusedException">The broker lets no more be declared; or something is missing, and only what is there is looked for.</exception>
    public async Task DeclareAsync(Declaration declare)
    {
        await declare.ExchangeAsync(topology.TasksExchange, ExchangeType.Direct);
        await declare.ExchangeAsync(topology.DeadExchange, ExchangeType.Direct);
        await DeclareParkAsync(declare, topology.Unreadable);
        await DeclareLadderAsync(declare, topology.Delays);
        foreach (TaskQueue queue in topology.All)
        {
            await DeclareTaskQueueAsync(declare, queue);
        }

        await DeclareHistoryAsync(declare, topology.History);
        foreach (TaskQueue subscription in topology.Subscriptions)
        {
            foreach (TopicPattern pattern in subscription.Patterns)
            {
                await declare.BindAsync(subscription.BrokerName, topology.EventsExchange, pattern.ToString());
            }
        }

        _declared.TrySetResult();
    }

    private async Task DeclareHistoryAsync(Declaration declare, HistoryTopology history)
    {
        await declare.ExchangeAsync(topology.EventsExchange, ExchangeType.Topic);
        await declare.ExchangeAsync(history.ControlExchange, ExchangeType.Fanout);
        await declare.QueueAsync(history.ControlStream, history.ControlArguments);
        await declare.BindAsync(history.ControlStream, history.ControlExchange, "");
        await declare.QueueAsync(history.Stream, history.StreamArguments);
        foreach ((string exchange, string key, bool wanted) in HistoryBindings(history))
        {
            // What another setting bound is taken off again: a record nobody wants would still cost its write.
            await (wanted
                ? declare.BindAsync(history.Stream, exchange, key)
                : declare.UnbindAsync(history.Stream, exchange, key));
        }
    }

    private IEnumerable<(string Exchange, string Key, bool Wanted)> HistoryBindings(HistoryTopology history)
    {
        bool routed = history.ByRouting && history.Mode != HistoryMode.Off;
        yield return (topology.EventsExchange, "task.#", history.Mode != HistoryMode.Off);
        yield return (topology.Delays.EntryExchange, "#", routed);
        foreach (TaskQueue queue in topology.Queues)
        {
            foreach (TaskLane lane in queue.Lanes.All)
            {
                yield return (topology.TasksExchange, lane.Key, routed && history.Mode == HistoryMode.All);
            }

            yield return (topology.DeadExchange, queue.Name, routed);
        }
    }

    private async Task DeclareTaskQueueAsync(Declaration declare, TaskQueue queue)
    {
        await declare.QueueAsync(queue.DeadBrokerName, TaskQueue.DeadArguments);
        await declare.BindAsync(queue.DeadBrokerName, topology.DeadExchange, queue.Name);
        if (queue.Lanes.Mark is { } mark)
        {
            // Of an exchange the broker compares this argument. Nothing is ever published to it.
            await declare.ExchangeAsync(queue.LaneMark, ExchangeType.Fanout, new() { ["alternate-exchange"] = mark });
        }

        foreach (TaskLane lane in queue.Lanes.All)
        {
            await declare.QueueAsync(lane.BrokerName, queue.Arguments, asItIs: _limited.ContainsKey(lane.BrokerName));
            await declare.BindAsync(lane.BrokerName, topology.TasksExchange, lane.Key);
            string exitKey = DelayLadder.ExitKey(lane.Key);
            await declare.BindAsync(lane.BrokerName, topology.Delays.ExitExchange, exitKey);
        }
    }

    private static async Task DeclareLadderAsync(Declaration declare, DelayLadder ladder)
    {
        await DeclareParkAsync(declare, ladder.Unrouted);
        Dictionary<string, object?> alternate = new() { ["alternate-exchange"] = ladder.Unrouted };
        await declare.ExchangeAsync(ladder.ExitExchange, ExchangeType.Topic, alternate);
        await declare.ExchangeAsync(ladder.EntryExchange, ExchangeType.Topic);
        for (int level = 0; level < DelayLadder.Levels; level++)
        {
            await DeclareLevelAsync(declare, ladder, level);
        }
    }

    // For what must not be lost and has nowhere to go.
    private static async Task DeclareParkAsync(Declaration declare, string name)
    {
        await declare.ExchangeAsync(name, ExchangeType.Fanout);
        await declare.QueueAsync(name, TaskQueue.DeadArguments);
        await declare.BindAsync(name, name, "");
    }

    private static async Task DeclareLevelAsync(Declaration declare, DelayLadder ladder, int level)
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
        await declare.ExchangeAsync(name, ExchangeType.Topic);
        await declare.QueueAsync(name, arguments);
        await declare.BindAsync(name, name, DelayLadder.LevelKey(level, set: true));
        await declare.BindExchangeAsync(next, name, DelayLadder.LevelKey(level, set: false));
        await declare.BindAsync(name, ladder.EntryExchange, DelayLadder.EntryKey(level));
    }
}
