using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace WorkQueue.Worker.Handlers;

/// <summary>
/// Writes laid-out pages as a PDF 1.7 file, page by page, so that only one page is in memory; the fonts follow at the end, cut down to
/// the glyphs in use, with the table that lets a reader search and copy the text.
/// </summary>
internal sealed class PdfWriter(Stream stream, TimeProvider clock)
{
    // The numbers of the objects: the three of the document, five for each font, two for each page.
    private const int Catalog = 1, Tree = 2, Information = 3, FirstFont = 4, ObjectsPerFont = 5;

    private readonly SortedDictionary<int, long> _offsets = [];
    private readonly List<FontUse> _fonts = [];
    private long _position;

    public async Task WriteAsync(PdfPages pages, CancellationToken cancellationToken)
    {
        foreach (TrueTypeFont font in pages.Fonts.Distinct())
            _fonts.Add(new FontUse(font, FirstFont + ObjectsPerFont * _fonts.Count));
        int firstPage = FirstFont + ObjectsPerFont * _fonts.Count;

        // Four bytes above 127 tell programs that look at the start of a file that this is not text.
        await WriteAsync([.. "%PDF-1.7\n%"u8, 0xE2, 0xE3, 0xCF, 0xD3, (byte)'\n'], cancellationToken);
        for (int number = 1; number <= pages.Count; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await WritePageAsync(pages.Lines(number), firstPage + 2 * (number - 1), cancellationToken);
        }
        foreach (FontUse font in _fonts)
            await WriteFontAsync(font, cancellationToken);
        await WriteDocumentAsync(pages, firstPage, cancellationToken);
        await WriteIndexAsync(cancellationToken);
    }

    private async Task WritePageAsync(IEnumerable<PdfLine> lines, int page, CancellationToken cancellationToken)
    {
        var content = new StringBuilder();
        foreach (PdfLine line in lines.Where(line => line.Text.Length > 0))
        {
            FontUse font = _fonts.First(use => use.Font == line.Font);
            content.Append(CultureInfo.InvariantCulture, $"BT /F{font.Object} {line.Size} Tf {line.X:0.##} {line.Y:0.##} Td <");
            foreach (Rune rune in line.Text.EnumerateRunes())
                content.Append(CultureInfo.InvariantCulture, $"{font.Glyph(rune):X4}");
            content.Append("> Tj ET\n");
        }
        string resources = string.Join(' ', _fonts.Select(font => $"/F{font.Object} {font.Object} 0 R"));
        await WriteObjectAsync(page, $"<< /Type /Page /Parent {Tree} 0 R /Contents {page + 1} 0 R /Resources << /Font << {resources} >> >> >>", cancellationToken);
        await WriteStreamAsync(page + 1, Encoding.ASCII.GetBytes(content.ToString()), "", cancellationToken);
    }

    private async Task WriteFontAsync(FontUse use, CancellationToken cancellationToken)
    {
        (TrueTypeFont font, int first) = (use.Font, use.Object);
        // Six letters and a plus sign mark a font that is a part of the whole one.
        string name = "WRKQUE+" + font.Name;
        string widths = string.Join(' ', use.Characters.Keys.Select(glyph => $"{glyph} [{font.Width(glyph)}]"));
        byte[] file = font.Subset(use.Characters.Keys);

        await WriteObjectAsync(first,
            $"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [{first + 1} 0 R] " +
            $"/ToUnicode {first + 4} 0 R >>", cancellationToken);
        await WriteObjectAsync(first + 1,
            $"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> " +
            $"/FontDescriptor {first + 2} 0 R /CIDToGIDMap /Identity /DW {font.Width(0)} /W [{widths}] >>", cancellationToken);
        await WriteObjectAsync(first + 2,
            $"<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [{string.Join(' ', font.Box)}] /ItalicAngle 0 " +
            $"/Ascent {font.Ascent} /Descent {font.Descent} /CapHeight {font.Ascent} /StemV 80 /FontFile2 {first + 3} 0 R >>", cancellationToken);
        await WriteStreamAsync(first + 3, file, $" /Length1 {file.Length}", cancellationToken);
        await WriteStreamAsync(first + 4, Encoding.ASCII.GetBytes(CharacterMap(use.Characters)), "", cancellationToken);
    }

    private static string CharacterMap(SortedDictionary<int, Rune> characters)
    {
        const int mostPerBlock = 100;
        var map = new StringBuilder(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n");
        foreach (KeyValuePair<int, Rune>[] block in characters.Chunk(mostPerBlock))
        {
            map.Append(CultureInfo.InvariantCulture, $"{block.Length} beginbfchar\n");
            foreach ((int glyph, Rune rune) in block)
                map.Append(CultureInfo.InvariantCulture, $"<{glyph:X4}> <{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(rune.ToString()))}>\n");
            map.Append("endbfchar\n");
        }
        return map.Append("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n").ToString();
    }

    private async Task WriteDocumentAsync(PdfPages pages, int firstPage, CancellationToken cancellationToken)
    {
        string kids = string.Join(' ', Enumerable.Range(0, pages.Count).Select(i => $"{firstPage + 2 * i} 0 R"));
        string size = string.Create(CultureInfo.InvariantCulture, $"[0 0 {PdfPages.Width} {PdfPages.Height}]");
        string created = clock.GetUtcNow().ToString("'D:'yyyyMMddHHmmss'Z'", CultureInfo.InvariantCulture);
        await WriteObjectAsync(Catalog, $"<< /Type /Catalog /Pages {Tree} 0 R /ViewerPreferences << /DisplayDocTitle true >> >>", cancellationToken);
        await WriteObjectAsync(Tree, $"<< /Type /Pages /Count {pages.Count} /MediaBox {size} /Kids [{kids}] >>", cancellationToken);
        await WriteObjectAsync(Information, $"<< /Title {TextString(pages.Title)} /Producer (WorkQueue) /CreationDate ({created}) >>", cancellationToken);
    }

    // UTF-16 in hexadecimal: any character, and nothing to escape.
    private static string TextString(string text) => $"<FEFF{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(text))}>";

    private async Task WriteIndexAsync(CancellationToken cancellationToken)
    {
        long start = _position;
        int count = _offsets.Count + 1;
        // Each entry is 20 bytes, the line end being two of them: readers seek by it.
        var index = new StringBuilder($"xref\n0 {count}\n0000000000 65535 f \n");
        foreach (long offset in _offsets.Values)
            index.Append(CultureInfo.InvariantCulture, $"{offset:D10} 00000 n \n");
        index.Append(CultureInfo.InvariantCulture, $"trailer\n<< /Size {count} /Root {Catalog} 0 R /Info {Information} 0 R >>\nstartxref\n{start}\n%%EOF\n");
        await WriteAsync(Encoding.ASCII.GetBytes(index.ToString()), cancellationToken);
    }

    private async Task WriteStreamAsync(int number, byte[] content, string entries, CancellationToken cancellationToken)
    {
        using var compressed = new MemoryStream();
        await using (var compression = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
            await compression.WriteAsync(content, cancellationToken);
        byte[] head = Encoding.ASCII.GetBytes($"<< /Length {compressed.Length} /Filter /FlateDecode{entries} >>\nstream\n");
        await WriteObjectAsync(number, [.. head, .. compressed.ToArray(), .. "\nendstream"u8], cancellationToken);
    }

    private Task WriteObjectAsync(int number, string content, CancellationToken cancellationToken) =>
        WriteObjectAsync(number, Encoding.ASCII.GetBytes(content), cancellationToken);

    private async Task WriteObjectAsync(int number, byte[] content, CancellationToken cancellationToken)
    {
        _offsets.Add(number, _position);
        await WriteAsync([.. Encoding.ASCII.GetBytes($"{number} 0 obj\n"), .. content, .. "\nendobj\n"u8], cancellationToken);
    }

    private async Task WriteAsync(byte[] bytes, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(bytes, cancellationToken);
        _position += bytes.Length;
    }

    /// <summary>A font, the number of its first object, and which character each glyph in use stands for.</summary>
    private sealed class FontUse(TrueTypeFont font, int number)
    {
        public TrueTypeFont Font => font;

        public int Object => number;

        public SortedDictionary<int, Rune> Characters { get; } = [];

        public int Glyph(Rune rune)
        {
            int glyph = font.Glyph(rune);
            Characters.TryAdd(glyph, glyph == 0 ? Rune.ReplacementChar : rune);
            return glyph;
        }
    }
}
