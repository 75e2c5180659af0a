namespace WorkQueue.Messaging.Leading;

/// <summary>A command that the leader was given.</summary>
/// <param name="Tag">Its delivery tag.</param>
/// <param name="Command">What it asks for.</param>
/// <param name="At">The timestamp at which it came here.</param>
internal sealed record LeaderDelivery(ulong Tag, LeaderEntry Command, long At);
