using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace WorkQueue.Cli.Output;

/// <summary>Text of tasks and servers, made safe for a terminal: it can neither colour it, nor move in it, nor read from it.</summary>
internal static partial class Plain
{
    private const int ShortLength = 80;

    /// <summary>On one line.</summary>
    public static string Line(string? text) => LineBreaks().Replace(Clean(text ?? ""), " ").Trim();

    /// <summary>On one line, and only its beginning if it is long; the whole is for another place.</summary>
    public static string Beginning(string? text)
    {
        string line = Line(text);
        return line.Length <= ShortLength ? line : string.Concat(line.AsSpan(0, char.IsHighSurrogate(line[ShortLength - 2]) ? ShortLength - 2 : ShortLength - 1), "…");
    }

    /// <summary>Line breaks and tabs stay.</summary>
    public static string Block(string? text) => Clean(text ?? "").Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').TrimEnd();

    private static string Clean(string text)
    {
        StringBuilder clean = new(text.Length);
        foreach (Rune rune in EscapeSequences().Replace(text, "").EnumerateRunes()) // Half a surrogate pair becomes U+FFFD.
        {
            if (rune.Value is '\n' or '\r' or '\t' || (Rune.GetUnicodeCategory(rune) != UnicodeCategory.Control && !TurnsText(rune.Value)))
            {
                clean.Append(rune);
            }
        }

        return clean.ToString();
    }

    // Marks that reverse the direction of what follows, with which a text can look like another.
    private static bool TurnsText(int rune) => rune is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) or 0x2028 or 0x2029;

    // Strings to the terminal (OSC, DCS, …) up to their end, control sequences (CSI), and what else follows an escape.
    [GeneratedRegex(@"(\x1B[\]PX^_]|[\x9D\x90\x98\x9E\x9F])[^\x07\x1B\x9C]*(\x07|\x1B\\|\x9C|$)|(\x1B\[|\x9B)[0-?]*[ -/]*[@-~]|\x1B[ -/]*[0-~]")]
    private static partial Regex EscapeSequences();

    [GeneratedRegex(@"[\r\n\t]+")]
    private static partial Regex LineBreaks();
}
