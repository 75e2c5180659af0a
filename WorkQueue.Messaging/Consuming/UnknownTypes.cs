using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Leaves tasks of types that have no handler here to other workers, for as long as <see cref="WorkerOptions.UnknownTypeGrace"/>.</summary>
internal sealed class UnknownTypes(LaneRests rests, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<UnknownTypes> logger)
{
    // Plain clients may make up as many types as they like.
    private const int MostTold = 1000;

    // A permit that is free is given back after a second, and found by another worker within the next.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<string, byte> _told = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<TaskLane, Head> _heads = new();

    /// <summary>What is to become of a task that nobody here has a handler for; null where it has waited for long enough, and the reason is on it.</summary>
    public Disposition? Leave(TaskDelivery delivery, TaskLane lane)
    {
        Disposition? left = lane.Queue.Lanes.IsOrdered ? InPlace(delivery, lane) : ByLadder(delivery);
        if (left is not null && _told.Count < MostTold && _told.TryAdd(delivery.Message.Type, 0))
        {
            logger.UnknownType(delivery.Message.Type, lane.Queue.Name, options.Value.Worker.UnknownTypeGrace);
        }

        return left;
    }

    private Disposition.LeaveToOthers? ByLadder(TaskDelivery delivery)
    {
        TimeSpan grace = options.Value.Worker.UnknownTypeGrace;
        DateTimeOffset now = clock.GetUtcNow();
        // It comes again from a worker that has died with it: that one may have known it.
        TaskMessage message = delivery.Redelivered ? delivery.Message with { UnknownSince = null } : delivery.Message;
        return UnknownTypePolicy.ToLeaveToOthers(message, grace, Random.Shared.NextDouble(), now) is { } again
            ? new(again, new AttemptEnd(UnknownTypePolicy.WhyItWaits(again.Type, again.UnknownSince!.Value + grace), null, null, now))
            : null;
    }

    // Published again it would be behind those that come after it. So nothing can be written on it, and each worker counts for itself.
    private Disposition.LeaveInPlace? InPlace(TaskDelivery delivery, TaskLane lane)
    {
        DateTimeOffset now = clock.GetUtcNow();
        Head come = new(delivery.Message.Id, delivery.Message.Redriven, delivery.Message.Attempt, now);
        Head head = _heads.AddOrUpdate(lane, come, (_, before) => before with { Since = now } == come ? before : come);
        TaskMessage known = delivery.Message with { UnknownSince = head.Since };
        if (UnknownTypePolicy.ToLeaveToOthers(known, options.Value.Worker.UnknownTypeGrace, 0.5, now) is null)
        {
            _heads.TryRemove(lane, out _);
            delivery.Message = options.Value.Worker.UnknownTypeGrace > TimeSpan.Zero ? known : delivery.Message;
            return null;
        }

        TimeSpan rest = UnknownTypePolicy.WaitAfter(now - head.Since, Random.Shared.NextDouble());
        rests.Begin(lane, rest > ShortestRest ? rest : ShortestRest);
        return new();
    }

    private sealed record Head(string Id, int Redriven, int Attempt, DateTimeOffset Since);
}
