using RabbitMQ.Client;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>Gives tasks that wait here back to their queue.</summary>
internal sealed class GiveBack(IChannel channel, TaskLane lane, TaskPipeline pipeline, RunTokens lease)
{
    /// <summary>
    /// Whether a task is to stay: a worker may have died of it, and it would wait at the end of the queue again and again; or it is not to run at all, and is to be told so here.
    /// </summary>
    public bool Stays(TaskDelivery delivery) =>
        delivery.IsSuspect || pipeline.Control.IsCancelled(delivery.Message) || pipeline.Executor.Refusal(delivery, lane.Queue) is not null;

    /// <summary>Gives a task back as it came. Never throws: then it can still run here.</summary>
    /// <returns>False when its queue does not take it at the moment.</returns>
    public async Task<bool> TryAsync(TaskDelivery delivery, string reason)
    {
        try
        {
            Disposition.Requeue back = new(new AttemptEnd(reason, null, null, pipeline.Clock.GetUtcNow()));
            bool isBack = await pipeline.Settler.TryGiveBackAsync(channel, delivery, back, lease);
            if (isBack)
            {
                pipeline.Telemetry.Settled(lane.Queue.Destination, delivery.Message.Type, back.Name);
            }

            return isBack;
        }
#pragma warning disable CA1031 // Whatever it is, the task is still held.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            pipeline.Logger.SettleDelayed(delivery.Message.Id, failure.Message);
            return false;
        }
    }
}
