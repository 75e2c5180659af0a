using System.Globalization;
using System.Text;
using PdfSharp;
using PdfSharp.Drawing;
using PdfSharp.Events;
using PdfSharp.Pdf;

namespace WorkQueue.Worker.Handlers;

/// <summary>
/// A title and a text, wrapped and divided into A4 pages. Every character gets the glyph the font has for it, one after the other from
/// the left: scripts that join or reorder their letters (Arabic, Hebrew, the Indic ones) come out readable only letter by letter.
/// </summary>
internal sealed class PdfPages
{
    // In points, from the upper left corner.
    private const double Width = 595, Height = 842, Margin = 62;
    private const double TitleSize = 18, TitleLeading = 24, TitleGap = 12, TextSize = 10.5, TextLeading = 15, FooterSize = 8.5, FooterAt = Height - 34;
    private const string Tab = "    ";

    private readonly XFont _font = PdfFonts.Create(TextSize);
    private readonly XFont _titleFont = PdfFonts.Create(TitleSize, XFontStyleEx.Bold);
    private readonly XFont _footerFont = PdfFonts.Create(FooterSize);
    private readonly XGraphics _ruler;
    private readonly Dictionary<(XFont Font, Rune Rune), double> _widths = [];
    private readonly string _title;
    private readonly List<string> _titleLines;
    private readonly List<string> _lines = [];
    private readonly double _firstTop;
    private readonly int _linesOnFirst;
    private readonly int _linesOnOther = LinesBelow(Margin);

    public PdfPages(string title, string text)
    {
        var events = new RenderEvents();
        events.RenderTextEvent += PdfFonts.Correct;
        _ruler = XGraphics.CreateMeasureContext(new XSize(Width, Height), XGraphicsUnit.Point, XPageDirection.Downwards, events);

        _title = string.Join(' ', Printable(title).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        _titleLines = [.. Wrap(_title, _titleFont)];
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
            _lines.AddRange(Wrap(Printable(line), _font));

        _firstTop = Margin + _titleLines.Count * TitleLeading + TitleGap;
        _linesOnFirst = LinesBelow(_firstTop);
        int left = Math.Max(0, _lines.Count - _linesOnFirst);
        Count = 1 + (left + _linesOnOther - 1) / _linesOnOther;
    }

    /// <summary>How many pages there are, at least one.</summary>
    public int Count { get; }

    /// <summary>The pages as a document with its title.</summary>
    public PdfDocument Draw(CancellationToken cancellationToken)
    {
        var document = new PdfDocument();
        document.RenderEvents.RenderTextEvent += PdfFonts.Correct;
        document.Info.Title = _title;
        document.ViewerPreferences.DisplayDocTitle = true;
        for (int number = 1; number <= Count; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            PdfPage page = document.AddPage();
            page.Size = PageSize.A4;
            using XGraphics canvas = XGraphics.FromPdfPage(page);
            Draw(canvas, number);
        }
        return document;
    }

    private void Draw(XGraphics canvas, int number)
    {
        if (number == 1)
            Draw(canvas, _titleLines, _titleFont, Margin + TitleSize, TitleLeading);

        int first = number == 1 ? 0 : _linesOnFirst + (number - 2) * _linesOnOther;
        int count = number == 1 ? _linesOnFirst : _linesOnOther;
        Draw(canvas, _lines.Skip(first).Take(count), _font, (number == 1 ? _firstTop : Margin) + TextSize, TextLeading);
        canvas.DrawString(string.Create(CultureInfo.InvariantCulture, $"{number} / {Count}"), _footerFont, XBrushes.Black, Width / 2, FooterAt, XStringFormats.BaseLineCenter);
    }

    private static void Draw(XGraphics canvas, IEnumerable<string> lines, XFont font, double top, double leading)
    {
        foreach ((int i, string line) in lines.Index())
            canvas.DrawString(line, font, XBrushes.Black, Margin, top + i * leading);
    }

    // The room between a height and the lower margin, which starts at the descent of the last line.
    private static int LinesBelow(double top) => (int)((Height - Margin - top) / TextLeading);

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

    private IEnumerable<string> Wrap(string line, XFont font)
    {
        const double room = Width - 2 * Margin;
        int start = 0, afterSpace = 0;
        double used = 0;
        for (int at = 0; at < line.Length;)
        {
            Rune.DecodeFromUtf16(line.AsSpan(at), out Rune rune, out int length);
            double width = Measure(rune, font);
            // A space may hang over the edge, and a mark stays with its letter. A word longer than the line is cut.
            while (used + width > room && at > start && rune.Value != ' ' && !IsMark(rune))
            {
                int end = afterSpace > start ? afterSpace : at;
                yield return line[start..end].TrimEnd(' ');
                used = line[end..at].EnumerateRunes().Sum(moved => Measure(moved, font));
                start = end;
            }
            used += width;
            at += length;
            if (rune.Value == ' ')
                afterSpace = at;
        }
        yield return line[start..].TrimEnd(' ');
    }

    private double Measure(Rune rune, XFont font)
    {
        if (!_widths.TryGetValue((font, rune), out double width))
            _widths[(font, rune)] = width = _ruler.MeasureString(rune.ToString(), font).Width;
        return width;
    }

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
}
