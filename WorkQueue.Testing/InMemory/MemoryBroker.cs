using System.Collections.Concurrent;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.DeadLetters;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Testing.InMemory;

/// <summary>
/// Takes what is published in place of RabbitMQ: tasks wait in it for their time, dead letters are kept, replies find their calls, events their subscriptions, and
/// everything is read into the history.
/// </summary>
internal sealed class MemoryBroker(
    TaskTopology topology, TaskRecords records, MemoryReplies replies, MemoryControl control, IEnumerable<EventHandlerRegistration> temporary, TimeProvider clock) : IPublisher, IQueueGuard, IQueueCounts
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<WaitingMessage, (DateTimeOffset Due, long Number)> _waiting = new();
    private readonly List<FoundLetter> _letters = [];
    private long _number;

    /// <summary>When the next message is due; null where none waits.</summary>
    public DateTimeOffset? NextDue
    {
        get
        {
            lock (_lock)
            {
                return _waiting.TryPeek(out WaitingMessage? next, out _) ? next.Due : null;
            }
        }
    }

    /// <summary>What the leader was told.</summary>
    public ConcurrentQueue<LeaderEntry> ForLeader { get; } = new();

    /// <summary>The dead letters, the oldest first.</summary>
    public IReadOnlyList<FoundLetter> Letters
    {
        get
        {
            lock (_lock)
            {
                return [.. _letters];
            }
        }
    }

    public IReadOnlyList<QueueCount> Current
    {
        get
        {
            lock (_lock)
            {
                return [.. topology.All.Select(CountOf)];
            }
        }
    }

    public long? Delayed
    {
        get
        {
            lock (_lock)
            {
                return _waiting.UnorderedItems.Count(waiting => waiting.Element.Due > clock.GetUtcNow());
            }
        }
    }

    public long? Unrouted => 0;

    public long? Unreadable => 0;

    /// <summary>The message that is due first, if one is due now.</summary>
    public WaitingMessage? TakeDue()
    {
        lock (_lock)
        {
            return _waiting.TryPeek(out WaitingMessage? next, out _) && next.Due <= clock.GetUtcNow() ? _waiting.Dequeue() : null;
        }
    }

    /// <summary>Takes a letter away.</summary>
    /// <returns>False where it is gone.</returns>
    public bool Take(FoundLetter letter)
    {
        lock (_lock)
        {
            return _letters.RemoveAll(other => ReferenceEquals(other, letter)) > 0;
        }
    }

    public ValueTask PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        // Its sender may use the buffer again.
        message = message with { Body = message.Body.ToArray() };
        if (message.Exchange.Length == 0 && message.RoutingKey == topology.Leader.Queue)
        {
            ForLeader.Enqueue(new LeaderEntry(message.Properties.Type!, message.Body));
            return ValueTask.CompletedTask;
        }

        if (message.Exchange == topology.History.ControlExchange)
        {
            control.Obey(message);
            return ValueTask.CompletedTask;
        }

        if (message.Exchange.Length == 0)
        {
            replies.Answer(ReplyCodec.Read(message.Properties, message.Body));
            return ValueTask.CompletedTask;
        }

        lock (_lock)
        {
            long number = ++_number;
            Record(message, number);
            foreach (WaitingMessage waiting in Route(message, number))
            {
                _waiting.Enqueue(waiting, (waiting.Due, number));
            }
        }

        return ValueTask.CompletedTask;
    }

    public Task RepairAsync() => Task.CompletedTask;

    public Task<QueueSeen> AskAsync(string queue, QueueBinding? binding = null) => QueueGuard.Unasked;

    // What the history's stream is bound to.
    private void Record(OutgoingMessage message, long number)
    {
        bool isEvent = message.Exchange == topology.EventsExchange && !message.RoutingKey.StartsWith("task.", StringComparison.Ordinal);
        StreamMessage read = new(number, 0, message.Exchange, message.RoutingKey, message.Properties, message.Body);
        if (!isEvent && EventCodec.Read(read, topology) is { } record)
        {
            records.Add(record);
        }
    }

    private WaitingMessage[] Route(OutgoingMessage message, long number)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (message.Exchange == topology.EventsExchange)
        {
            return TopicRules.IsUsers(message.RoutingKey) ? [.. Subscribers(message, now)] : [];
        }

        if (message.Exchange == topology.DeadExchange)
        {
            _letters.Add(LetterReader.Read(new BasicGetResult((ulong)number, false, message.Exchange, message.RoutingKey, 0, message.Properties, message.Body), topology));
            return [];
        }

        // By its own time, not by the steps of 250 ms that the delay ladder has.
        string queue = TaskHeaders.Text(message.Properties.Headers, TaskHeaders.Queue)!;
        TaskHeaders.TryTime(message.Exchange == topology.Delays.EntryExchange ? message.Properties.Headers : null, TaskHeaders.NotBefore, out DateTimeOffset? due);
        return [new WaitingMessage.InQueue(message, due ?? now, topology[queue])];
    }

    private IEnumerable<WaitingMessage> Subscribers(OutgoingMessage message, DateTimeOffset now)
    {
        IEnumerable<WaitingMessage> durable = topology.Subscriptions
            .Where(queue => queue.Patterns.Any(pattern => pattern.Matches(message.RoutingKey)))
            .Select(queue => new WaitingMessage.InQueue(message, now, queue));
        return durable.Concat(temporary.Where(handler => handler.Pattern.Matches(message.RoutingKey)).Select(handler => new WaitingMessage.ForHandler(message, now, handler)));
    }

    private QueueCount CountOf(TaskQueue queue)
    {
        DateTimeOffset now = clock.GetUtcNow();
        int ready = _waiting.UnorderedItems.Count(waiting => waiting.Element is WaitingMessage.InQueue message && message.Queue == queue && message.Due <= now);
        return new QueueCount(queue.Name, queue.BrokerName, ready, 1, _letters.Count(letter => letter.Letter.Queue == queue.Name)) { IsSubscription = queue.IsSubscription };
    }
}
