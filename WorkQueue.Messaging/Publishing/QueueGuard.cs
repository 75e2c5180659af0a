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
internal sealed class QueueGuard([FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan Trusted = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, long> _seenAt = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _asking = new(1);
    private IChannel? _channel;

    /// <summary>False if a queue is known to be missing; true also where the broker cannot be asked: the publish tells that itself.</summary>
    public async Task<bool> ExistsAsync(string queue)
    {
        if (!topology.History.ByRouting || topology.History.Mode == HistoryMode.Off || IsTrusted(queue))
        {
            return true;
        }

        using CancellationTokenSource limit = new(Limits.Rpc, clock);
        try
        {
            await _asking.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return true;
        }

        try
        {
            return IsTrusted(queue) || await AskAsync(queue, limit.Token);
        }
        finally
        {
            _asking.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Limits.DisposeAsync(_channel, clock);
        _asking.Dispose();
    }

    private bool IsTrusted(string queue) => _seenAt.TryGetValue(queue, out long seenAt) && clock.GetElapsedTime(seenAt) < Trusted;

    private async Task<bool> AskAsync(string queue, CancellationToken cancellationToken)
    {
        try
        {
            _channel = _channel is { IsOpen: true } ? _channel : await connection.OpenChannelAsync(null, cancellationToken);
            await _channel.QueueDeclarePassiveAsync(queue, CancellationToken.None).WaitAsync(cancellationToken);
            _seenAt[queue] = clock.GetTimestamp();
            return true;
        }
        catch (OperationInterruptedException missing) when (missing.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            _channel = null;
            return false;
        }
#pragma warning disable CA1031 // Without an answer nothing is known, and the publish beside this one finds out for itself.
        catch (Exception)
#pragma warning restore CA1031
        {
            _channel = null;
            return true;
        }
    }
}
