using System.Globalization;
using System.Text;

namespace WorkQueue.Worker.Handlers;

/// <summary>A line of text in its place on a page, in points from the lower left corner.</summary>
internal readonly record struct PdfLine(string Text, TrueTypeFont Font, double Size, double X, double Y);

/// <summary>
/// A title and a text, wrapped and divided into A4 pages. Every character gets the glyph the font has for it, one after the other from
/// the left: scripts that join or reorder their letters (Arabic, Hebrew, the Indic ones) come out readable only letter by letter.
/// </summary>
internal sealed class PdfPages
{
    public const double Width = 595.28, Height = 841.89;
    private const double Margin = 62, TitleSize = 18, TitleLeading = 24, TitleGap = 12, TextSize = 10.5, TextLeading = 15, FooterSize = 8.5, FooterAt = 34;
    private const string Tab = "    ";

    private readonly TrueTypeFont _font;
    private readonly TrueTypeFont _titleFont;
    private readonly List<string> _titleLines;
    private readonly List<string> _lines = [];
    private readonly double _firstTop;
    private readonly int _linesOnFirst;
    private readonly int _linesOnOther = LinesBelow(Height - Margin);

    public PdfPages(string title, string text, TrueTypeFont font, TrueTypeFont titleFont)
    {
        (_font, _titleFont) = (font, titleFont);
        Title = string.Join(' ', Printable(title).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        _titleLines = [.. Wrap(Title, titleFont, TitleSize)];
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
            _lines.AddRange(Wrap(Printable(line), font, TextSize));

        _firstTop = Height - Margin - _titleLines.Count * TitleLeading - TitleGap;
        _linesOnFirst = LinesBelow(_firstTop);
        int left = Math.Max(0, _lines.Count - _linesOnFirst);
        Count = 1 + (left + _linesOnOther - 1) / _linesOnOther;
    }

    /// <summary>The title on one line.</summary>
    public string Title { get; }

    /// <summary>How many pages there are, at least one.</summary>
    public int Count { get; }

    public IReadOnlyList<TrueTypeFont> Fonts => [_font, _titleFont];

    /// <summary>The lines of a page.</summary>
    /// <param name="number">The number of the page, from 1.</param>
    public IEnumerable<PdfLine> Lines(int number)
    {
        if (number == 1)
        {
            for (int i = 0; i < _titleLines.Count; i++)
                yield return new(_titleLines[i], _titleFont, TitleSize, Margin, Height - Margin - TitleSize - i * TitleLeading);
        }

        int first = number == 1 ? 0 : _linesOnFirst + (number - 2) * _linesOnOther;
        int end = Math.Min(_lines.Count, first + (number == 1 ? _linesOnFirst : _linesOnOther));
        double top = (number == 1 ? _firstTop : Height - Margin) - TextSize;
        for (int i = first; i < end; i++)
            yield return new(_lines[i], _font, TextSize, Margin, top - (i - first) * TextLeading);

        string footer = string.Create(CultureInfo.InvariantCulture, $"{number} / {Count}");
        double width = Measure(footer, _font, FooterSize);
        yield return new(footer, _font, FooterSize, (Width - width) / 2, FooterAt);
    }

    // The room between a height and the lower margin, which starts at the descent of the last line.
    private static int LinesBelow(double top) => (int)((top - Margin) / TextLeading);

    /// <summary>Without what has no shape: control and formatting characters. Half a surrogate pair becomes the replacement character.</summary>
    private static string Printable(ReadOnlySpan<char> line)
    {
        var printable = new StringBuilder(line.Length);
        foreach (Rune rune in line.EnumerateRunes())
        {
            if (rune.Value == '\t')
                printable.Append(Tab);
            else if (rune.Value is '\n' or '\r')
                printable.Append(' ');
            else if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format))
                printable.Append(rune.ToString());
        }
        return printable.ToString();
    }

    private static IEnumerable<string> Wrap(string line, TrueTypeFont font, double size)
    {
        const double room = Width - 2 * Margin;
        int start = 0, afterSpace = 0;
        double used = 0;
        for (int at = 0; at < line.Length;)
        {
            Rune.DecodeFromUtf16(line.AsSpan(at), out Rune rune, out int length);
            double width = Measure(rune, font, size);
            // A space may hang over the edge, and a mark stays with its letter. A word longer than the line is cut.
            while (used + width > room && at > start && rune.Value != ' ' && !IsMark(rune))
            {
                int end = afterSpace > start ? afterSpace : at;
                yield return line[start..end].TrimEnd(' ');
                used = Measure(line[end..at], font, size);
                start = end;
            }
            used += width;
            at += length;
            if (rune.Value == ' ')
                afterSpace = at;
        }
        yield return line[start..].TrimEnd(' ');
    }

    private static double Measure(Rune rune, TrueTypeFont font, double size) => font.Width(font.Glyph(rune)) * size / 1000;

    private static double Measure(string text, TrueTypeFont font, double size) => text.EnumerateRunes().Sum(rune => Measure(rune, font, size));

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
}
