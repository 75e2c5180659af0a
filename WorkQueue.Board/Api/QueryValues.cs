using System.Globalization;
using System.Text.RegularExpressions;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>Reads what stands behind the question mark. Every refusal names the value.</summary>
internal static partial class QueryValues
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    /// <summary>A number from 1 to a most.</summary>
    /// <exception cref="BadHttpRequestException">It is none.</exception>
    public static int Limit(string? text, int most, int unless) => text is null ? unless
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit >= 1 && limit <= most ? limit
        : throw new BadHttpRequestException($"limit is '{text}'; it is 1 to {most}.");

    /// <summary>A number.</summary>
    /// <exception cref="BadHttpRequestException">It is none, or out of its bounds.</exception>
    public static int Number(string name, string? text, int fewest, int most, int unless) => text is null ? unless
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= fewest && number <= most ? number
        : throw new BadHttpRequestException($"{name} is '{text}'; it is {fewest} to {most}.");

    /// <summary>In which time waiting tasks are to be started: <c>30s</c> or <c>00:00:30</c>.</summary>
    /// <exception cref="BadHttpRequestException">It is no duration, too short or too long.</exception>
    public static TimeSpan? Target(string? text)
    {
        if (text is null)
        {
            return null;
        }

        TimeSpan? target = Duration(text);
        return target >= TimeSpan.FromSeconds(1) && target <= TimeSpan.FromHours(1) ? target : throw new BadHttpRequestException($"target is '{text}'; it is 30s or 00:00:30, 1 s to 1 h.");
    }

    /// <summary>States, separated by commas.</summary>
    /// <exception cref="BadHttpRequestException">One is unknown.</exception>
    public static IReadOnlySet<TaskState>? States(string? text) => string.IsNullOrEmpty(text) ? null
        : text.Split(',', StringSplitOptions.TrimEntries)
            .Select(name => StateNames.TryParse(name, out TaskState state) ? state : throw new BadHttpRequestException($"state is '{name}'; it is one of {StateNames.All}."))
            .ToHashSet();

    /// <summary>A cursor.</summary>
    /// <exception cref="BadHttpRequestException">It is none of ours.</exception>
    public static TaskCursor? Cursor(string? text) => text is null ? null
        : TaskCursor.TryParse(text, out TaskCursor? cursor) ? cursor
        : throw new BadHttpRequestException($"cursor is '{text}'; send the 'next' of an earlier answer.");

    /// <summary>Topic patterns; none is everything.</summary>
    /// <exception cref="BadHttpRequestException">One is malformed.</exception>
    public static IReadOnlyList<TopicPattern> Patterns(string?[] texts) =>
    [
        .. (texts.Length == 0 ? ["#"] : texts).Select(text =>
            TopicPattern.TryParse(text, out TopicPattern? pattern) ? pattern : throw new BadHttpRequestException($"topic is '{text}'; it is {TopicPattern.Rule}.")),
    ];

    /// <summary>How long to wait: <c>10s</c> or <c>00:00:10</c>.</summary>
    /// <exception cref="BadHttpRequestException">It is no duration, or too long.</exception>
    public static TimeSpan? Wait(string? text)
    {
        if (text is null)
        {
            return null;
        }

        TimeSpan? wait = Duration(text);
        return wait > TimeSpan.Zero && wait <= LongestWait ? wait : throw new BadHttpRequestException($"wait is '{text}'; it is 10s or 00:00:10, more than 0 and at most 60 s.");
    }

    private static TimeSpan? Duration(string text) =>
        Seconds().Match(text) is { Success: true } seconds ? TimeSpan.FromSeconds(double.Parse(seconds.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
        : Clock().IsMatch(text) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) ? time
        : null;

    [GeneratedRegex(@"^(\d{1,5}(?:\.\d{1,3})?)s$")]
    private static partial Regex Seconds();

    [GeneratedRegex(@"^\d{1,2}:\d{2}:\d{2}(?:\.\d{1,7})?$")]
    private static partial Regex Clock();
}
