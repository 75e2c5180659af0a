using System.Collections.Concurrent;
using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>Those that wait for the end of one task.</summary>
internal sealed class TaskWaiters
{
    private readonly ConcurrentDictionary<string, Waiters> _waiters = new(StringComparer.Ordinal);

    /// <summary>Completes with the record of the task's end. Ask before the task can have ended.</summary>
    /// <param name="id">The task.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<HistoryRecord> EndOfAsync(string id, CancellationToken cancellationToken)
    {
        Waiters waiters = _waiters.AddOrUpdate(id, _ => new Waiters(1, NewEnd()), (_, others) => others with { Count = others.Count + 1 });
        return waiters.End.Task.WaitAsync(cancellationToken);
    }

    /// <summary>One of them waits no longer.</summary>
    public void Forget(string id)
    {
        while (_waiters.TryGetValue(id, out Waiters? waiters))
        {
            bool changed = waiters.Count > 1
                ? _waiters.TryUpdate(id, waiters with { Count = waiters.Count - 1 }, waiters)
                : _waiters.TryRemove(KeyValuePair.Create(id, waiters));
            if (changed)
            {
                return;
            }
        }
    }

    /// <summary>Takes in a record.</summary>
    public void Observe(HistoryRecord record)
    {
        if (!_waiters.IsEmpty && RowRules.RankOf(record.State) == RowRules.Ended && _waiters.TryRemove(record.TaskId, out Waiters? waiters))
        {
            waiters.End.TrySetResult(record);
        }
    }

    private static TaskCompletionSource<HistoryRecord> NewEnd() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Waiters(int Count, TaskCompletionSource<HistoryRecord> End);
}
