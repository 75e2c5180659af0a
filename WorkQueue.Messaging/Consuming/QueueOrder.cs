namespace WorkQueue.Messaging.Consuming;

/// <summary>Which of its queues a slot takes from: the first that has tasks, and every tenth time one of the others in turn, so that none starves. Pure.</summary>
internal static class QueueOrder
{
    private const int OtherEvery = 10;

    /// <summary>Whether the next task is to come from one of the others.</summary>
    public static bool IsOthersTurn(long taken) => taken % OtherEvery == OtherEvery - 1;

    /// <summary>Where the next task is to come from.</summary>
    /// <param name="ready">How many tasks wait in each queue, the preferred first; null for one that is paused.</param>
    /// <param name="taken">How many tasks the slot has taken.</param>
    /// <returns>The queue's index: where none has tasks the first, to wait there; null where all are paused.</returns>
    public static int? Next(IReadOnlyList<long?> ready, long taken)
    {
        // In turn from the last.
        int[] others = [.. Enumerable.Range(1, ready.Count - 1).Reverse().Where(index => ready[index] > 0)];
        if (IsOthersTurn(taken) && others.Length > 0)
        {
            return others[(int)(taken / OtherEvery % others.Length)];
        }

        int[] open = [.. Enumerable.Range(0, ready.Count).Where(index => ready[index] is not null)];
        return open.Where(index => ready[index] > 0).Concat(open).Select(index => (int?)index).FirstOrDefault();
    }
}
