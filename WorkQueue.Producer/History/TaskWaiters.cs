using System.Collections.Concurrent;
using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>Those that wait for the end of one task.</summary>
internal sealed class TaskWaiters
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<HistoryRecord>> _waiters = new(StringComparer.Ordinal);

    /// <summary>Completes with the record of the task's end. Ask before the task can have ended.</summary>
    /// <param name="id">The task.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<HistoryRecord> EndOfAsync(string id, CancellationToken cancellationToken)
    {
        TaskCompletionSource<HistoryRecord> end = _waiters.GetOrAdd(id, _ => new TaskCompletionSource<HistoryRecord>(TaskCreationOptions.RunContinuationsAsynchronously));
        return end.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Waits no longer.</summary>
    public void Forget(string id) => _waiters.TryRemove(id, out _);

    /// <summary>Takes in a record.</summary>
    public void Observe(HistoryRecord record)
    {
        if (!_waiters.IsEmpty && RowRules.RankOf(record.State) == RowRules.Ended && _waiters.TryRemove(record.TaskId, out TaskCompletionSource<HistoryRecord>? end))
        {
            end.TrySetResult(record);
        }
    }
}
