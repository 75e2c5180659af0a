using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Batches;

/// <summary>The batches, as the leader's log tells of them.</summary>
internal sealed class BatchBook
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, BatchRecord> _batches = new(StringComparer.Ordinal);

    // Of a log that was deleted and is not whole yet.
    private Dictionary<string, BatchRecord>? _before;

    /// <summary>With what a leader begins: copies, for it goes on by itself.</summary>
    public IReadOnlyList<BatchRecord> ForLeader()
    {
        lock (_lock)
        {
            IEnumerable<BatchRecord> before = _before?.Values.Where(batch => !_batches.ContainsKey(batch.Id)) ?? [];
            return [.. before.Concat(_batches.Values).Select(batch => BatchRecord.Of(batch.Id, batch.ToWhole()))];
        }
    }

    /// <summary>Looks at a batch.</summary>
    /// <returns>What was found; null where there is none.</returns>
    public T? Find<T>(string id, Func<BatchRecord, T> look)
        where T : class
    {
        lock (_lock)
        {
            return _batches.TryGetValue(id, out BatchRecord? batch) ? look(batch) : null;
        }
    }

    public IReadOnlyList<TaskBatch> All(DateTimeOffset now)
    {
        lock (_lock)
        {
            return [.. _batches.Values.Select(batch => batch.ToView(now))];
        }
    }

    /// <summary>The log was deleted and made anew.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            Dictionary<string, BatchRecord> before = _before ?? new Dictionary<string, BatchRecord>(StringComparer.Ordinal);
            foreach ((string id, BatchRecord batch) in _batches)
            {
                before[id] = batch;
            }

            _before = before;
            _batches.Clear();
        }
    }

    /// <summary>Reads an entry of the log; other kinds are passed over.</summary>
    public void Read(LeaderEntry entry)
    {
        if (entry.Kind == LeaderLog.Whole)
        {
            lock (_lock)
            {
                _before = null;
            }
        }

        if (entry.Kind is BatchChange.Kind or BatchChange.Removed && BatchChange.Read(entry.Body) is { } change)
        {
            lock (_lock)
            {
                Read(entry.Kind, change);
            }
        }
    }

    private void Read(string kind, BatchChange change)
    {
        if (kind == BatchChange.Removed)
        {
            _batches.Remove(change.Id);
        }
        else if (change.Whole is { } whole)
        {
            _batches[change.Id] = BatchRecord.Of(change.Id, whole);
        }
        else
        {
            _batches.GetValueOrDefault(change.Id)?.Apply(change);
        }
    }
}
