using System.Globalization;
using System.Text.RegularExpressions;

namespace WorkQueue.Cli.Output;

/// <summary>Durations as people write and read them.</summary>
internal static partial class Durations
{
    public const string Rule = "a duration is 5s, 500ms, 1h30m or 00:00:05";

    /// <summary>Reads <c>5s</c>, <c>1h30m</c>, <c>2d</c> or <c>[d.]hh:mm:ss[.fff]</c>; a bare number is none, since it does not say of what.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        if (text.Contains(':', StringComparison.Ordinal))
        {
            return TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out duration) && duration >= TimeSpan.Zero;
        }

        duration = default;
        if (Parts().Match(text) is not { Success: true } match)
        {
            return false;
        }

        double milliseconds = match.Groups["part"].Captures.Sum(part => MillisecondsOf(part.Value));
        if (milliseconds > TimeSpan.MaxValue.TotalMilliseconds / 2)
        {
            return false;
        }

        duration = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }

    /// <summary>As short as it can be said: <c>0.25 s</c>, <c>3.2 s</c>, <c>2 min 5 s</c>, <c>3 d 4 h</c>.</summary>
    public static string Text(TimeSpan duration) => duration switch
    {
        { Ticks: < 0 } => "0 s",
        { TotalSeconds: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.##} s"),
        { TotalSeconds: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(duration.TotalSeconds * 10) / 10:0.#} s"),
        { TotalMinutes: < 60 } => Two(duration.Minutes, "min", duration.Seconds, "s"),
        { TotalHours: < 24 } => Two(duration.Hours, "h", duration.Minutes, "min"),
        _ => Two(duration.Days, "d", duration.Hours, "h"),
    };

    private static string Two(int first, string firstUnit, int second, string secondUnit) =>
        second == 0 ? $"{first} {firstUnit}" : $"{first} {firstUnit} {second} {secondUnit}";

    private static double MillisecondsOf(string part)
    {
        int digits = part.AsSpan().LastIndexOfAnyInRange('0', '9') + 1;
        double number = double.Parse(part.AsSpan(0, digits), CultureInfo.InvariantCulture);
        return number * part[digits..] switch
        {
            "ms" => 1,
            "s" => 1_000,
            "m" or "min" => 60_000,
            "h" => 3_600_000,
            _ => 86_400_000,
        };
    }

    [GeneratedRegex(@"^(?<part>[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|min|m|h|d))+$", RegexOptions.ExplicitCapture)]
    private static partial Regex Parts();
}
