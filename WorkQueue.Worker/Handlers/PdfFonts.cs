using PdfSharp.Drawing;
using PdfSharp.Events;
using PdfSharp.Fonts;
using PdfSharp.Pdf;

namespace WorkQueue.Worker.Handlers;

/// <summary>The fonts of a rendered document: DejaVu Sans, carried by this program. A machine needs none, and every machine renders alike.</summary>
internal static class PdfFonts
{
    private const string Family = "DejaVu Sans";
    private const int Replacement = 0xFFFD;

    // PDFsharp has one source of fonts for the whole process.
    static PdfFonts() => GlobalFontSettings.FontResolver = new Carried();

    /// <summary>A font.</summary>
    /// <param name="size">In points.</param>
    /// <param name="style">Regular or bold.</param>
    public static XFont Create(double size, XFontStyleEx style = XFontStyleEx.Regular) => new(Family, size, style, new XPdfFontOptions(PdfFontEncoding.Unicode));

    /// <summary>Puts right what PDFsharp makes of single characters; a handler of its event for each text that is measured or drawn.</summary>
    public static void Correct(object? sender, RenderTextEventArgs text)
    {
        foreach (ref CodePointGlyphIndexPair character in text.CodePointGlyphIndexPairs.AsSpan())
        {
            // One that the font lacks would be drawn wider than it was measured, and copied as a space.
            if (character.GlyphIndex == 0)
                character = new(Replacement, GlyphHelper.GlyphIndexFromCodePoint(Replacement, text.Font));
            // What readers search and copy by is UTF-16 in a PDF. PDFsharp writes the number of the character, which is the same only up to U+FFFF.
            if (character.CodePoint > char.MaxValue && char.ConvertFromUtf32(character.CodePoint) is [char high, char low])
                character.CodePoint = high << 16 | low;
        }
    }

    private sealed class Carried : IFontResolver
    {
        public FontResolverInfo ResolveTypeface(string familyName, bool isBold, bool isItalic) => new(isBold ? "DejaVuSans-Bold.ttf" : "DejaVuSans.ttf");

        public byte[] GetFont(string faceName)
        {
            using Stream file = typeof(PdfFonts).Assembly.GetManifestResourceStream(faceName)!;
            byte[] font = new byte[file.Length];
            file.ReadExactly(font);
            return font;
        }
    }
}
