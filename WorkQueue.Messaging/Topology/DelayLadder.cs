using System.Text;

namespace WorkQueue.Messaging.Topology;

/// <summary>
/// The names and routing keys of the delay ladder. A delay is written as 24 binary digits of 250 ms; level n holds a message for
/// 250 ms · 2^n if its digit is 1 and passes it on if it is 0, so any delay is a walk down at most 24 queues, without a plugin.
/// </summary>
internal sealed class DelayLadder(string prefix)
{
    public const int Levels = 24;

    public static readonly TimeSpan Unit = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest delay: 2^24 - 1 units, 48.5 days.</summary>
    public static readonly TimeSpan Longest = Unit * ((1 << Levels) - 1);

    /// <summary>Topic exchange every delayed message enters by.</summary>
    public string EntryExchange { get; } = $"{prefix}.delay";

    /// <summary>Topic exchange that hands a message to its task queue when its time has come.</summary>
    public string ExitExchange { get; } = $"{prefix}.delay.deliver";

    /// <summary>Fanout exchange and queue for what the exit could not route: one missing queue would otherwise stall the whole ladder.</summary>
    public string Unrouted { get; } = $"{prefix}.unrouted";

    /// <summary>The name of a level's exchange and of its queue.</summary>
    public string Level(int level) => $"{EntryExchange}.{level:00}";

    /// <summary>Where a message goes after a level: the exchange of the next lower one, or the exit.</summary>
    public string After(int level) => level == 0 ? ExitExchange : Level(level - 1);

    public static TimeSpan TimeAt(int level) => Unit * (1 << level);

    /// <summary>Entry to a level: the keys whose highest digit is that level's, which skips the empty levels above.</summary>
    public static string EntryKey(int level) =>
        string.Concat(Enumerable.Repeat("0.", Levels - 1 - level)) + "1.#";

    /// <summary>Keys whose digit at a level has the given value.</summary>
    public static string LevelKey(int level, bool set) =>
        string.Concat(Enumerable.Repeat("*.", Levels - 1 - level)) + (set ? "1.#" : "0.#");

    /// <summary>The exit's key for a queue. Exactly as many stars as digits: with <c>#</c> a queue would also get the keys that end in its name.</summary>
    public static string ExitKey(string queue) => string.Concat(Enumerable.Repeat("*.", Levels)) + queue;

    /// <summary>The routing key of a message that waits <paramref name="delay"/>, or null where it need not wait.</summary>
    public static string? RoutingKey(TimeSpan delay, string queue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(delay, Longest);
        int units = (int)Math.Ceiling(delay / Unit);
        if (units <= 0)
        {
            return null;
        }

        StringBuilder key = new((2 * Levels) + queue.Length);
        for (int level = Levels - 1; level >= 0; level--)
        {
            key.Append((units >> level) & 1).Append('.');
        }

        return key.Append(queue).ToString();
    }
}
