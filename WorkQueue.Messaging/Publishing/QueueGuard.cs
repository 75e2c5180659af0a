using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Publishing;

/// <summary>
/// Notices that a queue is gone. The history is bound beside the queues, so a message whose queue was deleted is still routed somewhere,
/// and the broker confirms it instead of returning it. Asked beside the publish, at most ten times a second, it costs a caller nothing.
/// </summary>
internal sealed class QueueGuard([FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TimeProvider clock) : IQueueGuard, IAsyncDisposable
{
    private static readonly TimeSpan Trusted = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Watch> _watches = new(StringComparer.Ordinal);

    /// <summary>For what needs no asking.</summary>
    public static Task<QueueSeen> Unasked { get; } = Task.FromResult(QueueSeen.There);

    public Task<QueueSeen> AskAsync(string queue, QueueBinding? binding = null)
    {
        if (!topology.History.ByRouting || topology.History.Mode == HistoryMode.Off)
        {
            return Unasked;
        }

        Watch watch = _watches.GetOrAdd(queue, _ => new Watch());
        return IsTrusted(watch) ? Unasked : AskAsync(queue, watch, binding);
    }

    private async Task<QueueSeen> AskAsync(string queue, Watch watch, QueueBinding? binding)
    {
        long start = clock.GetTimestamp();
        if (!await watch.Asking.WaitAsync(Patience))
        {
            return QueueSeen.There;
        }

        try
        {
            return !IsTrusted(watch) && !await IsThereAsync(queue, watch, binding) ? QueueSeen.Missing : watch.BackAt < start ? QueueSeen.There : QueueSeen.CameBack;
        }
        finally
        {
            watch.Asking.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Watch watch in _watches.Values)
        {
            await Limits.DisposeAsync(watch.Channel, clock, Limits.LastClose);
            watch.Asking.Dispose();
        }
    }

    private bool IsTrusted(Watch watch) => watch.SeenAt is not 0 and var seenAt && clock.GetElapsedTime(seenAt) < Trusted;

    private async Task<bool> IsThereAsync(string queue, Watch watch, QueueBinding? binding)
    {
        using CancellationTokenSource limit = new(Patience, clock);
        try
        {
            watch.Channel = watch.Channel is { IsOpen: true } ? watch.Channel : await connection.OpenChannelAsync(null, limit.Token);
            Task answer = binding is null || watch.MayNotBind
                ? watch.Channel.QueueDeclarePassiveAsync(queue, CancellationToken.None)
                : watch.Channel.QueueBindAsync(queue, binding.Exchange, binding.Key, cancellationToken: CancellationToken.None);
            await answer.WaitAsync(limit.Token);
            watch.SeenAt = clock.GetTimestamp();
            watch.BackAt = watch.IsMissing ? watch.SeenAt : watch.BackAt;
            watch.IsMissing = false;
            return true;
        }
        catch (OperationInterruptedException missing) when (missing.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            watch.Channel = null;
            watch.IsMissing = true;
            return false;
        }
        catch (OperationInterruptedException refused) when (refused.ShutdownReason?.ReplyCode == Constants.AccessRefused && !watch.MayNotBind)
        {
            // Somebody else declares for this program; it only looks.
            watch.Channel = null;
            watch.MayNotBind = true;
            return await IsThereAsync(queue, watch, binding);
        }
#pragma warning disable CA1031 // Without an answer nothing is known, and the publish beside this one finds out for itself.
        catch (Exception)
#pragma warning restore CA1031
        {
            _ = Limits.DisposeAsync(watch.Channel, clock);
            watch.Channel = null;
            return true;
        }
    }

    // A queue that does not answer holds up its channel, and with a channel for each none of the others.
    private sealed class Watch
    {
        public SemaphoreSlim Asking { get; } = new(1);

        public IChannel? Channel { get; set; }

        public long SeenAt { get; set; }

        public bool IsMissing { get; set; }

        public bool MayNotBind { get; set; }

        public long BackAt { get; set; } = long.MinValue;
    }
}

/// <summary>By what a queue gets its messages.</summary>
internal sealed record QueueBinding(string Exchange, string Key);

/// <summary>How a queue was found beside a publish.</summary>
internal enum QueueSeen
{
    There,

    /// <summary>The message went by it.</summary>
    Missing,

    /// <summary>It was declared again since the publish began: whether the message found it, nobody knows.</summary>
    CameBack,
}
