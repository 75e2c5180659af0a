using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Whether a task comes before its time, because something cut the delay ladder short (a policy with a <c>message-ttl</c>, say); pure. The ladder itself
/// is late by some 20 ms, never early.
/// </summary>
internal static class EarlyDelivery
{
    // Clocks that are kept in step differ by less.
    public static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(500);

    /// <summary>The task as it is to wait again, or null where its time has come.</summary>
    /// <param name="message">The task.</param>
    /// <param name="now">The time here.</param>
    /// <returns>
    /// The task, due by the clock here. A clock that is behind cannot be told from a ladder that was cut short, so the wait is never longer than the one
    /// its sender meant, and what comes back here has waited it: a task waits at most once more for each clock that is further behind.
    /// </returns>
    public static TaskMessage? ToWaitAgain(TaskMessage message, DateTimeOffset now)
    {
        if (message.NotBefore is not { } due || due - now <= Tolerance)
        {
            return null;
        }

        // Both by its sender's clock.
        TimeSpan meant = message.SentAt is { } sent ? due - sent : due - now;
        return meant <= Tolerance ? null : message with { NotBefore = meant < due - now ? now + meant : due, Returned = message.Returned + 1 };
    }

    /// <summary>How long a task waits on the ladder; what is due later still comes back and waits again.</summary>
    public static TimeSpan OnLadder(DateTimeOffset due, DateTimeOffset now) => due - now < DelayLadder.Longest ? due - now : DelayLadder.Longest;
}
