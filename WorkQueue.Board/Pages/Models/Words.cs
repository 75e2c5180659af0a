using System.Globalization;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>Numbers, times and states as the board writes them. The script writes times in the same way.</summary>
internal static class Words
{
    private const string Unknown = "–";

    public static string Count(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture) ?? Unknown;

    /// <summary>So many a second: one decimal while that says something.</summary>
    public static string Rate(double? perSecond) => perSecond switch
    {
        null => Unknown,
        0 => "0",
        < 0.05 => "< 0.1",
        < 10 => perSecond.Value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => perSecond.Value.ToString("N0", CultureInfo.InvariantCulture),
    };

    /// <summary>A share as percent.</summary>
    public static string Share(double? share) => share switch
    {
        null => Unknown,
        > 0 and < 0.001 => "< 0.1 %",
        _ => (share.Value * 100).ToString("0.#", CultureInfo.InvariantCulture) + " %",
    };

    public static string Seconds(double? seconds) => seconds is null ? Unknown : Duration(TimeSpan.FromSeconds(seconds.Value));

    /// <summary>A duration in its two largest units.</summary>
    public static string Duration(TimeSpan? duration) => duration is not { } time ? Unknown : time.Duration() switch
    {
        { TotalMilliseconds: < 0.5 } => "0 ms",
        { TotalMilliseconds: < 999.5 } short_ => Format($"{short_.TotalMilliseconds:0} ms"),
        { TotalSeconds: < 9.95 } few => Format($"{few.TotalSeconds:0.0} s"),
        { TotalSeconds: < 60 } seconds => Format($"{Math.Floor(seconds.TotalSeconds):0} s"),
        { TotalHours: < 1 } minutes => Two(minutes.Minutes, "min", minutes.Seconds, "s"),
        { TotalDays: < 1 } hours => Two(hours.Hours, "h", hours.Minutes, "min"),
        var days => Two((long)days.TotalDays, "d", days.Hours, "h"),
    };

    /// <summary>How long ago something was, or in how long it will be.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now)
    {
        TimeSpan age = now - at;
        string text = age.Duration() switch
        {
            { TotalSeconds: < 1 } => "",
            { TotalMinutes: < 1 } seconds => Format($"{Math.Floor(seconds.TotalSeconds):0} s"),
            { TotalHours: < 1 } minutes => Format($"{Math.Floor(minutes.TotalMinutes):0} min"),
            { TotalDays: < 1 } hours => Format($"{Math.Floor(hours.TotalHours):0} h"),
            var days => Format($"{Math.Floor(days.TotalDays):0} d"),
        };
        return text.Length == 0 ? "now" : age < TimeSpan.Zero ? $"in {text}" : $"{text} ago";
    }

    public static string Exact(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>ISO 8601, for machines.</summary>
    public static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>A state, as people read it.</summary>
    public static string State(TaskState state) => state == TaskState.DeadLettered ? "dead-lettered" : state.ToString().ToLowerInvariant();

    /// <summary>The class that gives a state its colour.</summary>
    public static string StateClass(TaskState state) => "s-" + state.ToString().ToLowerInvariant();

    /// <summary>One of a thing, or several.</summary>
    public static string Of(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    public static string Short(string? text, int length) => text is null ? "" : text.Length <= length ? text : text[..(length - 1)] + "…";

    private static string Two(long large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? Format($"{large} {largeUnit}") : Format($"{large} {largeUnit} {small} {smallUnit}");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
