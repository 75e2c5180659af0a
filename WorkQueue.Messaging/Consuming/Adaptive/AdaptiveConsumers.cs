using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>Consumers that are given as many tasks as <see cref="AdaptivePrefetch"/> says, of each queue as it has learnt.</summary>
internal sealed class AdaptiveConsumers(TaskPipeline pipeline) : IConsumerSource
{
    private readonly Dictionary<TaskQueue, AdaptivePrefetch> _learnt = [];

    public bool HoldOne => false;

    public TaskConsumer Next(SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, RunTokens tokens, Func<bool, bool> taken, CancellationToken stopping)
    {
        if (lane.Queue.Lanes.IsOrdered)
        {
            // What is held beside the one that runs may go back, and then comes last.
            return new TaskConsumer(seat, lane, place, pipeline, tokens, taken, stopping);
        }

        if (!_learnt.TryGetValue(lane.Queue, out AdaptivePrefetch? adaptive))
        {
            adaptive = _learnt[lane.Queue] = new AdaptivePrefetch(pipeline.Options.Value.Worker.HoldBudget);
        }

        return new AdaptiveConsumer(seat, lane, place, pipeline, adaptive, tokens, taken, stopping);
    }
}
