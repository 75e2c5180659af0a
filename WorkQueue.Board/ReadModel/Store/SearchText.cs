using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>What somebody searches for, as the tables want it; and what can be searched of a payload.</summary>
internal static partial class SearchText
{
    // What is found by its words: not a file that somebody put into a payload.
    private const int MostOfPayload = 4096;

    // The table of errors knows parts of three letters and more.
    private const int ShortestPart = 3;

    /// <summary>The words of a payload; null where it is no text.</summary>
    public static string? Of(ReadOnlySpan<byte> payload, string? contentType)
    {
        if (payload.IsEmpty || (contentType is not null && !contentType.Contains("json", StringComparison.OrdinalIgnoreCase) && !contentType.StartsWith("text/", StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        string text = Encoding.UTF8.GetString(payload[..Math.Min(payload.Length, MostOfPayload)]);
        // As JSON writes ends of lines, and .NET's JSON letters beyond ASCII.
        return text.Contains('\\', StringComparison.Ordinal)
            ? Escape().Replace(text, match => match.Groups[1] is { Success: true } code ? ((char)int.Parse(code.ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString() : " ")
            : text;
    }

    /// <summary>Terms, all of which have to be there; one with a star at its end stands for all that begin so. Null when there is none.</summary>
    public static string? Terms(string part)
    {
        string[] words = [.. Word().Matches(part.Normalize()).Select(match => $"\"{match.Groups[1].Value}\"{(match.Groups[1].Length < ShortestPart ? "" : match.Groups[2].Value)}")];
        return words.Length == 0 ? null : string.Join(' ', words);
    }

    /// <summary>The text itself, anywhere; null when it is too short for that.</summary>
    public static string? Phrase(string part) => part.Length < ShortestPart ? null : $"\"{part.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>Ids that begin so, each from the first to before the second.</summary>
    public static IEnumerable<(object From, object To)> IdRanges(string part)
    {
        string digits = part.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
        if (digits.Length is >= 4 and <= 32 && digits.All(char.IsAsciiHexDigit))
        {
            // Nothing lies between an id of 16 bytes and the same with one byte more.
            yield return (Convert.FromHexString(digits.PadRight(32, '0')), (byte[])[.. Convert.FromHexString(digits.PadRight(32, 'f')), 0]);
        }

        if (part.Length > 0)
        {
            yield return (part, part + char.MaxValue);
        }
    }

    [GeneratedRegex(@"\\(?:u([0-9a-fA-F]{4})|[nrtbf\\""/])")]
    private static partial Regex Escape();

    [GeneratedRegex(@"([\p{L}\p{N}]+)(\*?)")]
    private static partial Regex Word();
}
