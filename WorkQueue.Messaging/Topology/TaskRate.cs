using System.Globalization;

namespace WorkQueue.Messaging.Topology;

/// <summary>So many tasks start in any window of a length.</summary>
internal readonly record struct TaskRate(int Number, TimeSpan Window)
{
    /// <summary>What is allowed, for who has written something else.</summary>
    public const string Rule = "a number of 1 to 100000, a slash and a time of 1 second to 1 day, as in 30/00:01:00";

    private const int Most = 100_000;
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>How many a second, over a long time.</summary>
    public double ASecond => Number / Window.TotalSeconds;

    /// <summary>Whether a queue, a type or a lane has one.</summary>
    public static bool IsIn(WorkQueueOptions options) =>
        options.Queues.Values.Any(queue => queue.Rate is not null || queue.RatePerKey is not null) || options.Types.Values.Any(type => type.Rate is not null);

    /// <summary>Reads <c>30/00:01:00</c>; null where that is none.</summary>
    public static TaskRate? Read(string? text) =>
        text?.Split('/') is [string number, string window]
        && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int most) && most is >= 1 and <= Most
        // "30/1" would be thirty a day.
        && window.Contains(':') && TimeSpan.TryParse(window, CultureInfo.InvariantCulture, out TimeSpan length) && length >= TimeSpan.FromSeconds(1) && length <= Longest
            ? new TaskRate(most, length) : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number} per {Window}");
}
