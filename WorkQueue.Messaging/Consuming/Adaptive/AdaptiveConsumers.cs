using RabbitMQ.Client;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>Consumers that are given as many tasks as <see cref="AdaptivePrefetch"/> says, of each queue as it has learnt.</summary>
internal sealed class AdaptiveConsumers(TaskPipeline pipeline) : IConsumerSource
{
    private readonly Dictionary<TaskQueue, AdaptivePrefetch> _learnt = [];

    public TaskConsumer Next(IChannel channel, TaskQueue queue, Solitude.Place place, RunTokens tokens, Func<bool> taken, CancellationToken stopping)
    {
        if (queue.Rate is not null)
        {
            // What is held beside the one that runs has no permit.
            return new TaskConsumer(channel, queue, place, pipeline, tokens, taken, stopping);
        }

        if (!_learnt.TryGetValue(queue, out AdaptivePrefetch? adaptive))
        {
            adaptive = _learnt[queue] = new AdaptivePrefetch(pipeline.Options.Value.Worker.HoldBudget);
        }

        return new AdaptiveConsumer(channel, queue, place, pipeline, adaptive, tokens, taken, stopping);
    }
}
