namespace WorkQueue.Producer.History;

/// <summary>One copy of each name: types, queues, workers. Bounded, since plain clients may send any type.</summary>
internal sealed class Interned
{
    private const int Most = 10_000;

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    public string Of(string name)
    {
        if (_names.TryGetValue(name, out string? known))
        {
            return known;
        }

        if (_names.Count < Most)
        {
            _names.Add(name);
        }

        return name;
    }
}
