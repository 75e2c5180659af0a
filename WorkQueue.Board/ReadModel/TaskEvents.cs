using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Hands what happens to those that watch. A watcher that does not keep up is cut off, so that it never holds up the others.</summary>
internal sealed class TaskEvents
{
    private readonly ConcurrentDictionary<EventSubscription, byte> _subscriptions = [];

    /// <summary>Watches from now on; dispose of it to stop.</summary>
    public EventSubscription Subscribe(IReadOnlyList<TopicPattern> patterns)
    {
        EventSubscription subscription = new(patterns, gone => _subscriptions.TryRemove(gone, out _));
        _subscriptions.TryAdd(subscription, 0);
        return subscription;
    }

    /// <summary>Ends all watching, as for those that did not keep up: who comes again is told what is true then.</summary>
    public void EndAll()
    {
        foreach (EventSubscription subscription in _subscriptions.Keys)
        {
            subscription.End();
        }
    }

    /// <summary>Tells all whose patterns fit; never waits.</summary>
    public void Publish(HistoryRecord record)
    {
        if (!_subscriptions.IsEmpty)
        {
            Publish(TaskEvent.Of(record));
        }
    }

    /// <inheritdoc cref="Publish(HistoryRecord)"/>
    public void Publish(TaskEvent happened)
    {
        foreach (EventSubscription subscription in _subscriptions.Keys)
        {
            subscription.Offer(happened);
        }
    }
}

/// <summary>One watcher.</summary>
internal sealed class EventSubscription(IReadOnlyList<TopicPattern> patterns, Action<EventSubscription> remove) : IDisposable
{
    private const int Capacity = 4096;

    private readonly Channel<TaskEvent> _events = Channel.CreateBounded<TaskEvent>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    /// <summary>What happens, until it is disposed of.</summary>
    /// <exception cref="SubscriberTooSlowException">More happened than it could keep: it has missed something.</exception>
    public IAsyncEnumerable<TaskEvent> ReadAsync(CancellationToken cancellationToken) => _events.Reader.ReadAllAsync(cancellationToken);

    /// <summary>Keeps an event that fits, or ends the subscription when there is no room for it.</summary>
    public void Offer(TaskEvent happened)
    {
        if (happened.Fits(patterns) && !_events.Writer.TryWrite(happened))
        {
            End();
        }
    }

    /// <summary>It has missed something.</summary>
    public void End()
    {
        _events.Writer.TryComplete(new SubscriberTooSlowException());
        remove(this);
    }

    public void Dispose()
    {
        remove(this);
        _events.Writer.TryComplete();
    }
}

/// <summary>A watcher did not keep up and has missed something.</summary>
internal sealed class SubscriberTooSlowException() : Exception("Events came faster than they were read; some are missing.");

/// <summary>One event.</summary>
/// <param name="Offset">Where it is in the history; null for an event of a user, which is not kept.</param>
/// <param name="Topic"><c>task.queue.type.state</c>, <c>….progress</c>, or a user's.</param>
/// <param name="Record">What happened to a task; without its payload, with its result.</param>
/// <param name="Emitted">Or what a user published.</param>
internal sealed record TaskEvent(long? Offset, string Topic, HistoryRecord? Record, EmittedEvent? Emitted = null)
{
    public static TaskEvent Of(HistoryRecord record) => new(
        record.Offset, TopicOf(record), record.State == TaskState.Succeeded ? record : record with { Body = ReadOnlyMemory<byte>.Empty });

    public static TaskEvent Of(EmittedEvent emitted) => new(null, emitted.Topic, null, emitted with { Payload = PayloadText.Shown(emitted.Payload) });

    public bool Fits(IReadOnlyList<TopicPattern> patterns) => patterns.Any(pattern => pattern.Matches(Topic));

    private static string TopicOf(HistoryRecord record)
    {
        string last = record.Kind == HistoryKind.State ? record.State.ToText() : JsonNamingPolicy.CamelCase.ConvertName(record.Kind.ToString());
        // A plain client's type may hold anything, and dots would shift the words.
        string type = record.Type.Length > 0 && record.Type.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_') ? record.Type : "unknown";
        return $"task.{record.Queue}.{type}.{last}";
    }
}

/// <summary>An event of a user.</summary>
/// <param name="Topic">Its topic.</param>
/// <param name="At">When it was published, to the second.</param>
/// <param name="Id">Its id.</param>
/// <param name="Payload">Its payload; a text as a string.</param>
internal sealed record EmittedEvent(string Topic, DateTimeOffset? At, string Id, JsonElement Payload);
