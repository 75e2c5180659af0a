using System.Diagnostics;

namespace WorkQueue.Messaging.Publishing;

/// <summary>A publish, until the broker has answered. Its result is what went wrong, or null.</summary>
/// <param name="message">What is published.</param>
/// <param name="limit">How long its caller waits for the answer; infinite for as long as it takes.</param>
/// <param name="clock">The time.</param>
internal sealed class PendingPublish(OutgoingMessage message, TimeSpan limit, TimeProvider clock)
    : TaskCompletionSource<PublishFailedException?>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private readonly long _start = clock.GetTimestamp();

    private readonly string? _id = message.Properties.MessageId;

    public string Exchange { get; } = message.Exchange;

    public string RoutingKey { get; } = message.RoutingKey;

    /// <summary>The message, until <see cref="Written"/>: an answer may be long in coming, and there may be many.</summary>
    public OutgoingMessage Message { get; private set; } = message;

    public TimeSpan Limit { get; } = limit;

    /// <summary>Of which trace its caller is: another may write for it.</summary>
    public Activity? Trace { get; private set; } = Activity.Current;

    public TimeSpan Age => clock.GetElapsedTime(_start);

    /// <summary>The timestamp at which its caller waits no more.</summary>
    public long LateAt => Limit == Timeout.InfiniteTimeSpan ? long.MaxValue : _start + (long)(Limit.TotalSeconds * clock.TimestampFrequency);

    public bool IsWritten => Message.Properties is null;

    /// <summary>The client has it.</summary>
    public void Written() => (Message, Trace) = (default, null);

    /// <summary>Whether a message that came back is this one. A copy under the same id, by the same way, is as good.</summary>
    public bool Is(string exchange, string routingKey, string? id) => Exchange == exchange && RoutingKey == routingKey && _id == id;
}
