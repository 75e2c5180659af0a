using System.Globalization;
using System.Text.Json;

namespace WorkQueue.Messaging;

/// <summary>The place of a task in a chain, and what those before it returned. What comes after it is told beside it, by the <c>Then</c> of whatever tells this.</summary>
public sealed record TaskChain
{
    /// <summary>The id of the chain's first task.</summary>
    public required string First { get; init; }

    /// <summary>Its place in the chain; the first has 0.</summary>
    public required int Place { get; init; }

    /// <summary>What the tasks before it returned, in order; of the kind null for one that returned nothing.</summary>
    public IReadOnlyList<JsonElement> Previous { get; init; } = [];

    /// <summary>The id of the task at a place of this chain: the same however often the task before it runs.</summary>
    /// <param name="place">The place, from 0.</param>
    /// <returns>
    /// Where the first id is a UUID of version 7, another one with the same time; else one of version 8 (RFC 9562 section 5.8), which tells no time.
    /// </returns>
    public string IdOf(int place) => IdOf(First, place);

    internal static string IdOf(string first, int place)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(place);
        return place == 0 ? first : TaskIds.Of(TaskIds.CreatedAt(first), string.Create(CultureInfo.InvariantCulture, $"{first}/{place}"));
    }
}
