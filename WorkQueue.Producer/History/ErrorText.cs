using System.Text.RegularExpressions;

namespace WorkQueue.Producer.History;

/// <summary>A reason with its error, shared by all tasks that have the same.</summary>
internal sealed class ErrorText(string? reason, string? type, string? text)
{
    private string? _shape;

    public string? Reason { get; } = reason;

    public string? Type { get; } = type;

    public string? Text { get; } = text;

    /// <summary>Tasks that have it; counted by <see cref="ErrorTexts"/>.</summary>
    public int Users { get; set; }

    /// <summary>What errors of its kind have in common.</summary>
    public string Shape => _shape ??= ErrorTexts.ShapeOf(Text ?? Reason ?? "");
}

/// <summary>The errors of the tasks in memory, each once, their texts cut: a thousand tasks that fail alike take the room of one text.</summary>
/// <param name="maxText">Characters of a reason and of a text that are kept.</param>
/// <param name="maxName">Characters of a type that are kept.</param>
internal sealed partial class ErrorTexts(int maxText = 160, int maxName = 120)
{
    private readonly Dictionary<(string?, string?, string?), ErrorText> _texts = [];

    public ErrorText? Take(string? reason, string? type, string? text)
    {
        if (reason is null && type is null && text is null)
        {
            return null;
        }

        (string?, string?, string?) key = (Cut(reason, maxText), Cut(type, maxName), Cut(text, maxText));
        if (!_texts.TryGetValue(key, out ErrorText? shared))
        {
            shared = new ErrorText(key.Item1, key.Item2, key.Item3);
            _texts.Add(key, shared);
        }

        shared.Users++;
        return shared;
    }

    public void Release(ErrorText? error)
    {
        if (error is not null && --error.Users == 0)
        {
            _texts.Remove((error.Reason, error.Type, error.Text));
        }
    }

    /// <summary>A text without what differs from task to task: numbers, ids, quoted parts.</summary>
    public static string ShapeOf(string text) => Differing().Replace(text, "…");

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
