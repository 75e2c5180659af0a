namespace WorkQueue.Messaging.Flow;

/// <summary>A permit for one start.</summary>
/// <param name="Lease">What it is taken under: when the leader has not been heard of for long, another begins.</param>
/// <param name="From">The moment from which it may be used.</param>
internal readonly record struct RatePermit(int Lease, long From);

/// <summary>How a pool stands at a moment.</summary>
/// <param name="At">The moment.</param>
/// <param name="Used">How many permits have been used.</param>
/// <param name="Uses">How long ago, and how many, for those of which the leader may not know.</param>
/// <param name="Returned">How many have been given back.</param>
/// <param name="Held">In how long they may be used, and how many.</param>
/// <param name="Taken">How many of them slots have.</param>
/// <param name="Free">How many they have not.</param>
internal sealed record RateStanding(long At, long Used, long[][] Uses, long Returned, long[][] Held, int Taken, int Free)
{
    public static readonly RateStanding None = new(0, 0, [], 0, [], 0, 0);
}
