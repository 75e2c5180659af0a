using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Which lane a slot takes from: that of the queue whose turn it is (<see cref="QueueOrder"/>); within that the more urgent one, or the one that the fewest slots of
/// this worker take from. Pure.
/// </summary>
/// <param name="lanes">The lanes, those of a queue side by side, those of the preferred queue first.</param>
/// <param name="ready">How many tasks wait in each; null for one that nothing is to be taken from.</param>
/// <param name="slots">How many other slots take from each.</param>
internal sealed class LaneChoice(IReadOnlyList<TaskLane> lanes, IReadOnlyList<long?> ready, Func<int, int> slots)
{
    /// <summary>Where the next task is to come from; null where all are closed.</summary>
    /// <param name="current">Where the slot takes from now, if it does.</param>
    /// <param name="taken">How many tasks the slot has taken.</param>
    /// <param name="takenOf">The same of a queue alone, by its first lane.</param>
    /// <param name="isTurnOver">Whether it has been in this lane for long enough.</param>
    public int? Next(int? current, long taken, Func<int, long> takenOf, bool isTurnOver)
    {
        (int Start, int Count)[] queues = [.. Queues()];
        if (QueueOrder.Next([.. queues.Select(queue => Sum(queue.Start, queue.Count))], taken) is not { } turn)
        {
            return null;
        }

        (int start, int count) = queues[turn];
        TaskLanes order = lanes[start].Queue.Lanes;
        int[] open = [.. Enumerable.Range(start, count).Where(lane => ready[lane] is not null)];
        int[] waiting = [.. open.Where(lane => ready[lane] > 0)];
        return count == 1 ? start
            : waiting.Length == 0 ? Fewest(open, current, isTurnOver: false)
            : order.Order == LaneOrder.Priorities ? start + QueueOrder.Next([.. Enumerable.Range(start, count).Select(lane => ready[lane])], takenOf(start))
            : Fewest(waiting, current, isTurnOver);
    }

    private IEnumerable<(int Start, int Count)> Queues()
    {
        for (int start = 0; start < lanes.Count;)
        {
            int count = lanes[start].Queue.Lanes.All.Count;
            yield return (start, count);
            start += count;
        }
    }

    private long? Sum(int start, int count)
    {
        long? sum = null;
        for (int lane = start; lane < start + count; lane++)
        {
            sum = ready[lane] is { } tasks ? (sum ?? 0) + tasks : sum;
        }

        return sum;
    }

    // It stays where it is unless another is worse off; where nobody is, once its turn is over.
    private int Fewest(int[] candidates, int? current, bool isTurnOver)
    {
        bool isThere = current is { } here && candidates.Contains(here);
        int[] others = [.. candidates.Where(lane => lane != current)];
        if (others.Length == 0)
        {
            return current!.Value;
        }

        // Those after it first, so that each has its turn.
        int best = others.OrderBy(slots).ThenBy(lane => current is { } now ? (lane - now + lanes.Count) % lanes.Count : Random.Shared.Next()).First();
        return isThere && (slots(best) > slots(current!.Value) || (slots(best) == slots(current.Value) && !(isTurnOver && slots(best) == 0))) ? current.Value : best;
    }
}
