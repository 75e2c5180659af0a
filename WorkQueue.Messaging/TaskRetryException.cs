namespace WorkQueue.Messaging;

/// <summary>
/// Thrown by a handler for an attempt that failed and whose next one should wait a given time, for example what a server's
/// <c>Retry-After</c> asked for. It is a failed attempt like any other: when no attempt is left, the task is dead-lettered.
/// </summary>
public sealed class TaskRetryException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">Why the attempt failed.</param>
    /// <param name="delay">How long to wait before the next attempt; not negative, at most 48 days.</param>
    /// <param name="innerException">The cause, if any.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delay"/> is negative or longer than 48 days.</exception>
    public TaskRetryException(string reason, TimeSpan delay, Exception? innerException = null)
        : base(reason, innerException)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(delay, TimeSpan.FromDays(48));
        Delay = delay;
    }

    /// <summary>How long to wait before the next attempt.</summary>
    public TimeSpan Delay { get; }
}
