using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Finds slots that believe they consume and get nothing: the slot is idle, and yet tasks wait, or the queue knows of no consumer. It
/// happens when broker and client disagree about a consumer (rabbitmq-dotnet-client issue 1993), which only a new channel mends, and when
/// a quorum queue has lost the majority of its nodes: then no new channel gets to consume, so that the worker reports that it cannot.
/// </summary>
internal sealed class ConsumerWatchdog(TaskLane lane, IReadOnlyList<TaskSlot> slots, SupervisedConnection connection, TimeProvider clock, ILogger logger)
{
    /// <summary>How long an idle slot may show such a sign. With prefetch 1 tasks wait beside it for milliseconds when all is well.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2.5);

    private long? _since;

    /// <summary>Watches until the token is cancelled.</summary>
    public Task RunAsync(CancellationToken stopping) => Supervision.EveryAsync(Interval, LookAsync, clock, stopping);

    private async Task LookAsync(CancellationToken stopping)
    {
        if (!slots.Any(slot => slot.Lane == lane))
        {
            _since = null;
            return;
        }

        try
        {
            Check(await FindSignAsync(stopping));
        }
        catch (TimeoutException failure) when (connection.Problem is null)
        {
            logger.NoQueueCounts(failure.Message);
            Check("the queue does not answer");
        }
        catch (OperationInterruptedException failure) when (failure.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            logger.NoQueueCounts(failure.Message);
            Check("the queue is gone");
        }
#pragma warning disable CA1031 // Without a count there is nothing to judge by; the slots report a lost broker themselves.
        catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _since = null;
            logger.NoQueueCounts(failure.Message);
        }
    }

    private void Check(string? sign)
    {
        _since = sign is null ? null : _since ?? clock.GetTimestamp();
        if (_since is not { } since || clock.GetElapsedTime(since) < Limit)
        {
            return;
        }

        foreach (TaskSlot slot in slots.Where(slot => slot.Lane == lane && slot.IdleFor > Limit))
        {
            slot.Rebuild($"idle for {Limit.TotalSeconds:0} s while {sign}");
        }
    }

    // Not on a channel of its own: the one call in a while is not worth keeping one open, and a new one proves that the broker answers.
    private async Task<string?> FindSignAsync(CancellationToken stopping)
    {
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        try
        {
            QueueDeclareOk count = await channel.QueueDeclarePassiveAsync(lane.BrokerName, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            // A quorum queue without a leader is no error here: the broker answers that it has no tasks and no consumers.
            return count.MessageCount > 0 ? "tasks wait" : count.ConsumerCount == 0 ? "the queue knows of no consumer, or has no leader" : null;
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }
}
