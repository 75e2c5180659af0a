using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Unreadable;

/// <summary>The search of one queue, from its head on. What is looked at is kept from others until the end, so that each message is looked at once.</summary>
internal sealed class UnreadableSearch(string queue, int most, int behind)
{
    private RawChannel? _channel;
    private int _looked;
    private int _lastFound;

    public string Queue => queue;

    /// <summary>As many were looked at as may be.</summary>
    public bool IsOver { get; private set; }

    /// <summary>How many messages were set aside.</summary>
    public int Found { get; private set; }

    /// <summary>The message that is found and not yet set aside: which it is, and why it cannot be read.</summary>
    public string? Stuck { get; private set; }

    /// <summary>Takes the queue for itself.</summary>
    /// <returns>False if somebody else goes through it.</returns>
    public async Task<bool> BeginAsync(RawConnection connection, TaskTopology topology, CancellationToken cancellationToken)
    {
        _channel = await connection.OpenChannelAsync(cancellationToken);
        bool? isOwn = await _channel.TryOwnAsync(topology.UnreadableLock(queue), cancellationToken);
        if (isOwn is null)
        {
            // Beside others, where its user may configure nothing: each looks at what the others have not.
            _channel = await connection.OpenChannelAsync(cancellationToken);
        }

        return isOwn != false;
    }

    /// <summary>Looks at what is there, up to the limit.</summary>
    public async Task GoOnAsync(TaskTopology topology, ILogger logger, CancellationToken cancellationToken)
    {
        while (!IsOver && await _channel!.GetAsync(queue, cancellationToken) is { } message)
        {
            _looked++;
            if (MessageHeader.Problem(message.Header.Span) is { } problem)
            {
                Stuck = $"it is message {_looked} of queue {queue}: {problem}";
                // A crash between the two leaves a copy; the other order would lose the message.
                await _channel.PublishAsync(topology.Unreadable, queue, message with { Header = MessageHeader.ForPublishing(message.Header) }, cancellationToken);
                await _channel.AcknowledgeAsync(message.Tag, cancellationToken);
                Stuck = null;
                Found++;
                _lastFound = _looked;
                logger.UnreadableSetAside(_looked, queue, problem, topology.Unreadable);
            }

            IsOver = Found == 0 ? _looked >= most : _looked - _lastFound >= behind;
        }
    }

    public Task EndAsync(CancellationToken cancellationToken) => _channel!.GiveBackAsync(cancellationToken);
}
