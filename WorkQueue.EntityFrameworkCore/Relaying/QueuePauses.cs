using WorkQueue.Messaging.Connections;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>
/// Queues that have not taken a task. Each is left out for a while, since all others would wait with it for as long as a confirm may take, and is then tried with one task.
/// A sequence belongs to one queue, so it keeps its order.
/// </summary>
internal sealed class QueuePauses(TimeProvider clock)
{
    private readonly Dictionary<string, (int Failures, long From, TimeSpan Wait)> _queues = new(StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public string[] All => [.. _queues.Keys];

    /// <summary>Those of them whose turn it is.</summary>
    public string[] Due => [.. _queues.Where(queue => clock.GetElapsedTime(queue.Value.From) >= queue.Value.Wait).Select(queue => queue.Key)];

    /// <summary>Takes in what came of rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="outcomes">What came of each.</param>
    /// <param name="took">How long that took.</param>
    /// <param name="longest">The longest wait that goes by the number of failures.</param>
    /// <returns>True if a queue is no longer left out.</returns>
    public bool Learn(IReadOnlyList<OutboxRow> rows, SendOutcome[] outcomes, TimeSpan took, TimeSpan longest)
    {
        HashSet<string> refusing = [.. rows.Where((_, index) => outcomes[index] is SendOutcome.Refused { IsOfQueue: true }).Select(row => row.Queue)];
        foreach (string queue in refusing)
        {
            int failures = _queues.GetValueOrDefault(queue).Failures;
            TimeSpan wait = Backoff.Delay(failures, Random.Shared.NextDouble(), longest);
            // What costs the others half a minute each time is not to come after a second again.
            _queues[queue] = (failures + 1, clock.GetTimestamp(), failures > 0 && took > wait ? took : wait);
        }

        bool isOver = false;
        foreach (string queue in rows.Where((_, index) => outcomes[index] is SendOutcome.Sent).Select(row => row.Queue).Distinct().Where(queue => !refusing.Contains(queue)))
        {
            isOver |= _queues.Remove(queue);
        }

        return isOver;
    }
}
