using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Makes the consumers of one slot, one after the other.</summary>
internal interface IConsumerSource
{
    /// <summary>Each of them holds one task at a time.</summary>
    bool HoldOne { get; }

    /// <summary>The next consumer; its parameters are those of <see cref="TaskConsumer"/>.</summary>
    TaskConsumer Next(SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, RunTokens tokens, Func<bool, bool> taken, CancellationToken stopping);
}

/// <summary>A source for each slot of this worker.</summary>
internal delegate IConsumerSource ConsumerSources();

/// <summary>Consumers that hold one task at a time.</summary>
internal sealed class SingleConsumers(TaskPipeline pipeline) : IConsumerSource
{
    public bool HoldOne => true;

    public TaskConsumer Next(SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, RunTokens tokens, Func<bool, bool> taken, CancellationToken stopping) =>
        new(seat, lane, place, pipeline, tokens, taken, stopping);
}
