namespace WorkQueue.Messaging.Hosting;

/// <summary>Which name was meant.</summary>
internal static class Spelling
{
    /// <summary>The name that is nearest; null when none is near.</summary>
    public static string? Nearest(string given, IEnumerable<string> names)
    {
        (string? name, int distance) = names.Select(name => (name, Distance(given.ToUpperInvariant(), name.ToUpperInvariant()))).MinBy(pair => pair.Item2);
        return distance <= Math.Max(2, given.Length / 4) ? name : null;
    }

    // Levenshtein's: letters put in, left out or exchanged.
    private static int Distance(string one, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        for (int i = 0; i < one.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < other.Length; j++)
            {
                int exchanged = diagonal + (one[i] == other[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(exchanged, Math.Min(diagonal, row[j]) + 1);
            }
        }

        return row[^1];
    }
}
