using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>How a slot stops consuming: cancel, finish, acknowledge, and only then leave the channel. A close right after the cancel loses the acknowledgement.</summary>
internal sealed class SlotExit(SlotSeat seat, TaskConsumer consumer, TaskPipeline pipeline, int slot, TaskLane lane)
{
    // Longer than a message takes from a broker whose disk is not slow.
    private static readonly TimeSpan UnderWay = TimeSpan.FromMilliseconds(20);

    // A slow one brings the next task when it has written the last acknowledgement. After this time, and a shorter one on a stop or a pause, the queue is taken for empty, whatever the broker counts.
    private static readonly TimeSpan SlowBroker = TimeSpan.FromSeconds(5);

    private bool _isLeaving;

    /// <summary>The broker knows the consumer.</summary>
    public bool IsSubscribed { get; set; }

    /// <summary>The slot goes to another queue, or takes another prefetch, after the tasks it holds.</summary>
    public async Task LeaveAsync(CancellationToken stopping)
    {
        // One that takes one at a time leaves with its last task, or an empty queue.
        await (consumer.IsForMany ? WaitFullAsync(stopping) : Task.CompletedTask);
        consumer.Leave();
        _isLeaving = true;
        await seat.CancelAsync().WaitAsync(Limits.Rpc, pipeline.Clock, stopping);
        consumer.Left(givesBack: false);
    }

    /// <summary>The worker stops, or the queue is paused: what runs may finish.</summary>
    /// <param name="stops">The worker stops. On a pause, which may be for a task that runs alone, nothing more is fetched to be sent to the end of its queue.</param>
    /// <param name="givenUp">The time to tell the broker is up too.</param>
    /// <returns>True when nothing of it is left on its channel.</returns>
    public async Task<bool> DrainAsync(bool stops, CancellationToken givenUp)
    {
        bool answers = await TryCancelAsync(stops);
        consumer.Left(givesBack: answers);
        if (!answers)
        {
            // What runs may end; the rest is up to the broker, which takes back what it hears no more of.
            await consumer.WaitIdleAsync(pipeline.Options.Value.Worker.DrainTimeout + Limits.Close);
            return false;
        }

        // Deliveries that came before the cancel are dispatched before its answer is, even after the call above has returned. On a stop what
        // runs is cut when the time to drain is up; where the queue is only paused it may take its time.
        await ((Task)Task.WhenAny(consumer.Cancelled, consumer.Ended).WaitAsync(givenUp)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!await consumer.WaitIdleAsync(Limits.Close) || !seat.Channel.IsOpen)
        {
            return false;
        }

        Task passed = seat.PassAsync().WaitAsync(Limits.Close, pipeline.Clock, CancellationToken.None);
        await passed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return passed.IsCompletedSuccessfully && !consumer.Ended.IsCompleted;
    }

    // What the broker has under way to a consumer when that is cancelled counts as delivered, and comes again (seen on RabbitMQ 3.10, 4.0 and 4.3). What comes by then does not start.
    private async Task WaitFullAsync(CancellationToken givenUp)
    {
        long since = pipeline.Clock.GetTimestamp();
        while (pipeline.Clock.GetElapsedTime(since) < SlowBroker && consumer.IdleFor < SlowBroker && !consumer.Ended.IsCompleted && !await consumer.WaitFullAsync(UnderWay))
        {
            // On the same channel: what a node had sent when it counted is here before it hears of the cancel. One whose queue does not answer in time counts none.
            if (await seat.CountAsync(lane.BrokerName).WaitAsync(Limits.Rpc, pipeline.Clock, givenUp) == 0)
            {
                return;
            }

            givenUp.ThrowIfCancellationRequested();
        }
    }

    private async Task<bool> TryCancelAsync(bool stops)
    {
        try
        {
            if (!seat.Channel.IsOpen || !IsSubscribed)
            {
                return false;
            }

            if (!_isLeaving && (stops || consumer.IsForMany))
            {
                // A program that ends has no time for a broker that does not answer.
                using CancellationTokenSource limit = new(stops ? Limits.LastClose : Limits.Close, pipeline.Clock);
                await WaitFullAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            // Others of the same channel may be before it.
            await seat.CancelAsync().WaitAsync(stops ? Limits.Close : Limits.Rpc, pipeline.Clock, CancellationToken.None);
            return true;
        }
#pragma warning disable CA1031 // A channel that cannot be cancelled ends with its connection, which has the same effect.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            pipeline.Logger.SlotInterrupted(slot, lane.Queue.Name, failure.Message);
            return false;
        }
    }
}
