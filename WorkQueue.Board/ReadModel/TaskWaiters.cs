using System.Collections.Concurrent;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Those that wait for the end of one task.</summary>
internal sealed class TaskWaiters
{
    private readonly ConcurrentDictionary<string, Waiters> _waiters = new(StringComparer.Ordinal);

    /// <summary>
    /// One more waits, until it says <see cref="Forget"/>. Completes with the next record that tells of an end of the task; that may be an old one, or
    /// of what no queue took. Ask before the task can have ended.
    /// </summary>
    public Task<HistoryRecord> Join(string id) =>
        _waiters.AddOrUpdate(id, _ => new Waiters(1, NewEnd()), (_, others) => others with { Count = others.Count + 1 }).End.Task;

    /// <summary>For who has joined and waits on: the record after the last one.</summary>
    public Task<HistoryRecord> Next(string id) => _waiters[id].End.Task;

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
        if (RowRules.RankOf(record.State) != RowRules.Ended)
        {
            return;
        }

        while (!_waiters.IsEmpty && _waiters.TryGetValue(record.TaskId, out Waiters? waiters))
        {
            if (_waiters.TryUpdate(record.TaskId, waiters with { End = NewEnd() }, waiters))
            {
                waiters.End.TrySetResult(record);
                return;
            }
        }
    }

    private static TaskCompletionSource<HistoryRecord> NewEnd() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Waiters(int Count, TaskCompletionSource<HistoryRecord> End);
}
