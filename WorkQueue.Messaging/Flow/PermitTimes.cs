namespace WorkQueue.Messaging.Flow;

/// <summary>Permits by the moment from which each may be used. Those of one moment are one entry, however many they are.</summary>
internal sealed class PermitTimes
{
    private readonly SortedDictionary<long, int> _at = [];

    public int Count { get; private set; }

    /// <summary>The first of their moments; null where there is none.</summary>
    public long? First => Count == 0 ? null : _at.First().Key;

    public void Add(long at, int count)
    {
        if (count > 0)
        {
            _at[at] = _at.GetValueOrDefault(at) + count;
            Count += count;
        }
    }

    /// <summary>Takes so many of them, or as many as there are, the first before the others.</summary>
    /// <param name="count">How many.</param>
    /// <param name="until">Those after this moment stay.</param>
    public IReadOnlyList<(long At, int Count)> Take(int count, long until = long.MaxValue)
    {
        List<(long At, int Count)> taken = [];
        while (count > 0 && First is { } at && at <= until)
        {
            int some = Math.Min(count, _at[at]);
            taken.Add((at, some));
            count -= some;
            Count -= some;
            if ((_at[at] -= some) == 0)
            {
                _at.Remove(at);
            }
        }

        return taken;
    }

    public void Clear()
    {
        _at.Clear();
        Count = 0;
    }

    /// <summary>As pairs of a moment, counted from another one, and how many.</summary>
    public long[][] Since(long moment) => [.. _at.Select(some => (long[])[some.Key - moment, some.Value])];
}
