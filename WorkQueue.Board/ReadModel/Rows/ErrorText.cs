using System.Text.RegularExpressions;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>A reason with its error, cut to what a list shows.</summary>
internal sealed partial record ErrorText(string? Reason, string? Type, string? Text)
{
    /// <summary>What errors of its kind have in common: the text without what differs from task to task, numbers, ids, quoted parts.</summary>
    public string Shape => Differing().Replace(Text ?? Reason ?? "", "…");

    /// <summary>Null where nothing is said.</summary>
    /// <param name="reason">The reason.</param>
    /// <param name="type">The error's type.</param>
    /// <param name="text">Its text.</param>
    /// <param name="most">Characters that are kept of each.</param>
    public static ErrorText? Of(string? reason, string? type, string? text, int most = 160) =>
        reason is null && type is null && text is null ? null : new ErrorText(Cut(reason, most), Cut(type, most), Cut(text, most));

    private static string? Cut(string? text, int most)
    {
        if (text is null || text.Length <= most)
        {
            return text;
        }

        // Not through the middle of a surrogate pair.
        int end = char.IsHighSurrogate(text[most - 2]) ? most - 2 : most - 1;
        return string.Concat(text.AsSpan(0, end), "…");
    }

    // Linear in the length of the text: no repetition inside a repetition. A lone apostrophe (can't) begins no quotation.
    [GeneratedRegex("""'[^']*'(?!\w)|"[^"]*"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b[0-9a-fA-F]{16,}\b|\d+(?:[.,:]\d+)*""", RegexOptions.CultureInvariant)]
    private static partial Regex Differing();
}
