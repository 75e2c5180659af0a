using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>Hands what happens to those that watch. A watcher that does not keep up is cut off, so that it never holds up the others.</summary>
internal sealed class TaskEvents
{
    /// <summary>Watches from now on; dispose of it to stop.</summary>
    public EventSubscription Subscribe(IReadOnlyList<TopicPattern> patterns) => throw new NotImplementedException(patterns.ToString());

    /// <summary>Tells all whose patterns fit; never waits.</summary>
    public void Publish(HistoryRecord record) => throw new NotImplementedException(record.TaskId);
}

/// <summary>One watcher.</summary>
internal sealed class EventSubscription : IDisposable
{
    /// <summary>What happens, until it is disposed of.</summary>
    /// <exception cref="SubscriberTooSlowException">More happened than it could keep: it has missed something.</exception>
    public IAsyncEnumerable<TaskEvent> ReadAsync(CancellationToken cancellationToken) => throw new NotImplementedException(cancellationToken.ToString());

    public void Dispose() => throw new NotImplementedException();
}

/// <summary>A watcher did not keep up and has missed something.</summary>
internal sealed class SubscriberTooSlowException() : Exception("Events came faster than they were read; some are missing.");

/// <summary>One event, as the API shows it.</summary>
/// <param name="Offset">Where it is in the history.</param>
/// <param name="Topic"><c>task.queue.type.state</c>, or <c>….progress</c>.</param>
/// <param name="Record">What happened; its payload is not kept.</param>
internal sealed record TaskEvent(long Offset, string Topic, HistoryRecord Record);

/// <summary>A topic pattern: words between dots; <c>*</c> is one word, <c>#</c> any number of words.</summary>
internal sealed class TopicPattern
{
    /// <summary>Reads a pattern.</summary>
    public static bool TryParse(string text, out TopicPattern? pattern) => throw new NotImplementedException(text);

    /// <summary>Whether a topic fits.</summary>
    public bool Matches(string topic) => throw new NotImplementedException(topic);
}
