using System.Runtime.CompilerServices;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Receives the deliveries of a lane with a rate, its own or its queue's, one at a time: each start needs a permit.</summary>
internal sealed class RatedConsumer(
    SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, TaskPipeline pipeline, SlotRate rate, RunTokens tokens, Func<bool, bool> taken, CancellationToken stopping)
    : TaskConsumer(seat, lane, place, pipeline, tokens, taken, stopping)
{
    protected override bool IsLast(Func<bool> taken)
    {
        rate.Use();
        return taken();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected override async ValueTask RunAsync(TaskDelivery delivery)
    {
        if (rate.IsLast())
        {
            Out.Ask();
        }

        await Out.MayStartAsync();
        await rate.WaitDueAsync(Pipeline.Clock);
        if (!rate.IsValid())
        {
            // This process stood still for long; what it had counts as used.
            End("the permit to start is over");
        }

        await SettleAsync(delivery);
        Held.Remove();
    }
}
