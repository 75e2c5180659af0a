using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace WorkQueue.Tests.Unit.Handlers;

/// <summary>
/// Reads a PDF as a viewer does: from the end, by the index of objects, and the text through the fonts' tables of characters. It checks
/// the structure on its way and shares no code with the writer.
/// </summary>
internal sealed partial class ReadPdf
{
    private readonly byte[] _file;
    private readonly string _text;
    private readonly Dictionary<int, int> _offsets = [];
    private readonly Dictionary<int, Dictionary<string, string>> _characters = [];

    public ReadPdf(byte[] file)
    {
        // Latin-1 keeps one character per byte, so positions in the text are positions in the file.
        (_file, _text) = (file, Encoding.Latin1.GetString(file));
        Assert.StartsWith("%PDF-1.7\n", _text, StringComparison.Ordinal);
        Assert.EndsWith("%%EOF\n", _text, StringComparison.Ordinal);
        int index = Number(StartOfIndex().Match(_text, _text.Length - 40).Groups[1].Value);
        ReadIndex(index);

        string trailer = _text[_text.IndexOf("trailer", index, StringComparison.Ordinal)..];
        string tree = Object(Reference(Object(Reference(trailer, "Root")), "Pages"));
        string information = Object(Reference(trailer, "Info"));
        Title = Utf16(Title16().Match(information).Groups[1].Value);
        Match kids = Kids().Match(tree);
        int[] pages = [.. References().Matches(kids.Groups[1].Value).Select(match => Number(match.Groups[1].Value))];
        Assert.Equal(Number(Count().Match(tree).Groups[1].Value), pages.Length);
        Pages = [.. pages.Select(ReadPage)];
    }

    public string Title { get; }

    /// <summary>The lines of each page, top to bottom.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Pages { get; }

    public int Objects => _offsets.Count;

    private void ReadIndex(int start)
    {
        Match head = IndexHead().Match(_text, start);
        Assert.Equal(start, head.Index);
        for (int i = 1; i < Number(head.Groups[1].Value); i++)
        {
            string entry = _text.Substring(head.Index + head.Length + 20 * i, 20);
            Assert.Matches(@"^\d{10} 00000 n \n$", entry);
            _offsets[i] = Number(entry[..10]);
            Assert.StartsWith($"{i} 0 obj\n", _text[_offsets[i]..], StringComparison.Ordinal);
        }
    }

    private List<string> ReadPage(int number)
    {
        string page = Object(number);
        Assert.Contains("/Type /Page", page, StringComparison.Ordinal);
        foreach (Match font in Fonts().Matches(page))
            ReadFont(Number(font.Groups[1].Value));
        string content = Encoding.ASCII.GetString(Stream(Reference(page, "Contents")));
        return [.. Shown().Matches(content).Select(match =>
            string.Concat(match.Groups[2].Value.Chunk(4).Select(glyph => _characters[Number(match.Groups[1].Value)][new string(glyph)])))];
    }

    private void ReadFont(int number)
    {
        if (_characters.ContainsKey(number))
            return;
        string font = Object(number);
        string map = Encoding.ASCII.GetString(Stream(Reference(font, "ToUnicode")));
        _characters[number] = CharacterPairs().Matches(map, map.IndexOf("beginbfchar", StringComparison.Ordinal))
            .ToDictionary(match => match.Groups[1].Value, match => Utf16(match.Groups[2].Value));
        string descriptor = Object(Reference(Object(Number(Descendant().Match(font).Groups[1].Value)), "FontDescriptor"));
        byte[] file = Stream(Reference(descriptor, "FontFile2"));
        Assert.Equal([0, 1, 0, 0], file[..4]);
    }

    private string Object(int number) =>
        _text[_offsets[number].._text.IndexOf("endobj", _offsets[number], StringComparison.Ordinal)];

    private byte[] Stream(int number)
    {
        string head = Object(number);
        int start = _offsets[number] + head.IndexOf("stream\n", StringComparison.Ordinal) + "stream\n".Length;
        int length = Number(Length().Match(head).Groups[1].Value);
        Assert.Equal("\nendstream", _text.Substring(start + length, "\nendstream".Length));
        using var inflater = new ZLibStream(new MemoryStream(_file, start, length), CompressionMode.Decompress);
        using var content = new MemoryStream();
        inflater.CopyTo(content);
        return content.ToArray();
    }

    private static int Reference(string dictionary, string key) => Number(Regex.Match(dictionary, $@"/{key} (\d+) 0 R").Groups[1].Value);

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    private static string Utf16(string hex) => Encoding.BigEndianUnicode.GetString(Convert.FromHexString(hex));

    [GeneratedRegex(@"startxref\n(\d+)\n")]
    private static partial Regex StartOfIndex();

    [GeneratedRegex(@"xref\n0 (\d+)\n")]
    private static partial Regex IndexHead();

    [GeneratedRegex(@"/Title <FEFF([0-9A-F]*)>")]
    private static partial Regex Title16();

    [GeneratedRegex(@"/Kids \[([^\]]*)\]")]
    private static partial Regex Kids();

    [GeneratedRegex(@"/Count (\d+)")]
    private static partial Regex Count();

    [GeneratedRegex(@"(\d+) 0 R")]
    private static partial Regex References();

    [GeneratedRegex(@"/F\d+ (\d+) 0 R")]
    private static partial Regex Fonts();

    [GeneratedRegex(@"/F(\d+) [\d.]+ Tf [^<]*<([0-9A-F]*)> Tj")]
    private static partial Regex Shown();

    [GeneratedRegex(@"<([0-9A-F]{4})> <([0-9A-F]{4,})>")]
    private static partial Regex CharacterPairs();

    [GeneratedRegex(@"/DescendantFonts \[(\d+) 0 R\]")]
    private static partial Regex Descendant();

    [GeneratedRegex(@"/Length (\d+)")]
    private static partial Regex Length();
}
