using System.Collections.Concurrent;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Batches;

/// <summary>The batches as who leads has them: nobody else changes them, and each change is in the log before it is here.</summary>
internal sealed class WorkingBatches
{
    /// <summary>Publishes at once on the leader's channel.</summary>
    public const int AtOnce = 16;

    private readonly ConcurrentDictionary<string, BatchRecord> _batches = new(StringComparer.Ordinal);

    public ICollection<BatchRecord> All => _batches.Values;

    /// <summary>How many there are.</summary>
    public int Count => _batches.Count;

    public void Begin(IEnumerable<BatchRecord> known)
    {
        _batches.Clear();
        foreach (BatchRecord batch in known)
        {
            _batches[batch.Id] = batch;
        }
    }

    public BatchRecord? Find(string id) => _batches.GetValueOrDefault(id);

    public async Task OpenAsync(string id, BatchStart start, ILeaderSession session)
    {
        BatchRecord batch = new(id, start);
        await WriteAsync(batch, session);
        _batches[id] = batch;
    }

    public static async Task ChangeAsync(BatchRecord batch, BatchChange change, ILeaderSession session)
    {
        await session.WriteAsync(new LeaderEntry(BatchChange.Kind, change.Write()));
        batch.Apply(change);
    }

    public async Task RemoveAsync(BatchRecord batch, ILeaderSession session)
    {
        await session.WriteAsync(new LeaderEntry(BatchChange.Removed, new BatchChange(batch.Id).Write()));
        _batches.TryRemove(batch.Id, out _);
    }

    public async Task WriteAllAsync(ILeaderSession session)
    {
        foreach (BatchRecord[] some in All.Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(batch => WriteAsync(batch, session)));
        }
    }

    private static Task WriteAsync(BatchRecord batch, ILeaderSession session) =>
        session.WriteAsync(new LeaderEntry(BatchChange.Kind, new BatchChange(batch.Id) { Whole = batch.ToWhole() }.Write()));
}
