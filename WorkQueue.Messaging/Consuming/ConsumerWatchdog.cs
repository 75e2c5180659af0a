using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Finds slots that believe they consume and get nothing: tasks wait, the slot is idle, and yet no delivery comes. It happens when
/// broker and client disagree about a consumer (rabbitmq-dotnet-client issue 1993); only a new channel mends it.
/// </summary>
internal sealed class ConsumerWatchdog(TaskQueue queue, IReadOnlyList<TaskSlot> slots, SupervisedConnection connection, TimeProvider clock, ILogger logger)
{
    /// <summary>How long tasks may wait beside an idle slot. With prefetch 1 it is milliseconds when all is well.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2.5);

    private long? _waitingSince;

    /// <summary>Watches until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using PeriodicTimer timer = new(Interval, clock);
        while (await NextTickAsync(timer, stopping))
        {
            try
            {
                Check(await HasWaitingTasksAsync(stopping));
            }
#pragma warning disable CA1031 // Without a count there is nothing to judge by; the slots report a lost broker themselves.
            catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
            {
                _waitingSince = null;
                logger.NoQueueCounts(failure.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Check(bool waiting)
    {
        _waitingSince = waiting ? _waitingSince ?? clock.GetTimestamp() : null;
        if (_waitingSince is not { } since || clock.GetElapsedTime(since) < Limit)
        {
            return;
        }

        foreach (TaskSlot slot in slots.Where(slot => slot.Queue == queue && slot.IdleFor > Limit))
        {
            slot.Rebuild($"tasks have waited {Limit.TotalSeconds:0} s beside this idle slot");
        }
    }

    // Not on a channel of its own: the one call in a while is not worth keeping one open, and a new one proves that the broker answers.
    private async Task<bool> HasWaitingTasksAsync(CancellationToken stopping)
    {
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        try
        {
            return await channel.MessageCountAsync(queue.BrokerName, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping) > 0;
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }

    private static async Task<bool> NextTickAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
