using System.Globalization;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// How long a task waits for a worker that knows its type, where one that does not has taken it: during a rolling upgrade the new workers come after the new
/// tasks. Pure.
/// </summary>
internal static class UnknownTypePolicy
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>The task as it is to wait for another worker, or null where it has waited for long enough.</summary>
    /// <param name="message">The task.</param>
    /// <param name="grace">How long it may wait in all.</param>
    /// <param name="random">From 0 to 1; 0.5 leaves a wait as it is.</param>
    /// <param name="now">The time here.</param>
    public static TaskMessage? ToLeaveToOthers(TaskMessage message, TimeSpan grace, double random, DateTimeOffset now)
    {
        DateTimeOffset since = Since(message, now);
        TimeSpan left = since + grace - now;
        if (left <= TimeSpan.Zero)
        {
            return null;
        }

        TimeSpan wait = WaitAfter(now - since, random);
        return message with { UnknownSince = since, NotBefore = now + (wait < left ? wait : left), Returned = message.Returned + 1 };
    }

    /// <summary>How long it is left alone. The longer it has been so, the less a moment counts: some seventy deliveries in ten minutes. Each is a chance to meet a worker that knows it, and while the first new one is there beside many old ones it takes many.</summary>
    /// <param name="waited">How long it has waited in all.</param>
    /// <param name="random">From 0 to 1; many tasks do not come back at once.</param>
    public static TimeSpan WaitAfter(TimeSpan waited, double random)
    {
        TimeSpan wait = waited / 2 < ShortestWait ? ShortestWait : waited / 2 > LongestWait ? LongestWait : waited / 2;
        return wait * (0.8 + (0.4 * random));
    }

    /// <summary>Why it waits.</summary>
    public static string WhyItWaits(string type, DateTimeOffset until) =>
        string.Create(CultureInfo.InvariantCulture, $"no handler for type {type} in the worker that took it; waits for one that has, until {until:u}");

    /// <summary>Why it is a dead letter.</summary>
    /// <param name="message">The task.</param>
    /// <param name="now">The time here.</param>
    public static string WhyItIsDead(TaskMessage message, DateTimeOffset now) => message.UnknownSince is not { } since
        ? $"no handler for type {message.Type}"
        : string.Create(CultureInfo.InvariantCulture, $"no handler for type {message.Type} in any worker that took it in {Whole(now - since)}, since {since:u} (WorkQueue:Worker:UnknownTypeGrace). Start a worker that has one, then redrive it");

    /// <summary>What a task that came too late is told besides.</summary>
    public static string Besides(TaskMessage message) =>
        message.UnknownSince is { } since ? string.Create(CultureInfo.InvariantCulture, $"; the workers that took it since {since:u} have no handler for type {message.Type}") : "";

    // A clock that is behind, or a header that somebody has made up, gives nobody more than the grace.
    private static DateTimeOffset Since(TaskMessage message, DateTimeOffset now) => message.UnknownSince is { } since && since < now ? since : now;

    private static TimeSpan Whole(TimeSpan time) => TimeSpan.FromSeconds(Math.Max(0, Math.Round(time.TotalSeconds)));
}
