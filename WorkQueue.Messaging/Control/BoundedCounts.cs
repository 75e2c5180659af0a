using System.Collections.Concurrent;

namespace WorkQueue.Messaging.Control;

/// <summary>A number each for many keys; of too many the oldest are forgotten.</summary>
internal sealed class BoundedCounts(int most)
{
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    public bool IsEmpty => _counts.IsEmpty;

    public int Of(string key) => _counts.GetValueOrDefault(key);

    public bool TryGet(string key, out int count) => _counts.TryGetValue(key, out count);

    public void Add(string key, int count) => Change(key, count, (_, before) => before + count);

    public void Raise(string key, int count) => Change(key, count, (_, before) => Math.Max(before, count));

    public void Remove(string key) => _counts.TryRemove(key, out _);

    public void Clear()
    {
        lock (_order)
        {
            _counts.Clear();
            _order.Clear();
        }
    }

    private void Change(string key, int first, Func<string, int, int> change)
    {
        lock (_order)
        {
            if (!_counts.ContainsKey(key))
            {
                _order.Enqueue(key);
            }

            _counts.AddOrUpdate(key, first, change);
            while (_order.Count > most)
            {
                _counts.TryRemove(_order.Dequeue(), out _);
            }
        }
    }
}
