using UglyToad.PdfPig;

namespace WorkQueue.Tests.Unit.Handlers;

/// <summary>What a reader finds in a PDF: by another library than the one that writes it.</summary>
internal sealed class ReadPdf
{
    public ReadPdf(byte[] file)
    {
        using var document = PdfDocument.Open(file);
        Title = document.Information.Title;
        Pages = [.. document.GetPages().Select(page => page.Letters
            .GroupBy(letter => Math.Round(letter.StartBaseLine.Y)).OrderByDescending(line => line.Key)
            .Select(line => string.Concat(line.Select(letter => letter.Value))).ToArray())];
        RightEdge = document.GetPages().SelectMany(page => page.Letters).Max(letter => letter.EndBaseLine.X);
        Fonts = [.. document.GetPages().SelectMany(page => page.Letters).Select(letter => letter.FontName?.Split('+')[^1]).Distinct()];
    }

    public string? Title { get; }

    /// <summary>The lines of each page, top to bottom.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Pages { get; }

    /// <summary>Where the widest line ends, in points from the left.</summary>
    public double RightEdge { get; }

    public IReadOnlyList<string?> Fonts { get; }
}
