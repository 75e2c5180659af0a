using System.Buffers.Binary;
using System.Text;

namespace WorkQueue.Worker.Handlers;

/// <summary>What a PDF needs of a TrueType font: glyphs, widths, and a copy cut down to the glyphs in use.</summary>
internal sealed class TrueTypeFont
{
    // The tables a PDF reader uses, in the order of their tags as the format asks for.
    private static readonly string[] EmbeddedTables = ["cvt ", "fpgm", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "prep"];

    private readonly byte[] _file;
    private readonly Dictionary<string, Range> _tables = [];
    private readonly Dictionary<int, int> _glyphs = [];
    private readonly int _unitsPerEm;
    private readonly int _glyphCount;
    private readonly int _widthCount;
    private readonly bool _longOffsets;

    private TrueTypeFont(string name, byte[] file)
    {
        Name = name;
        _file = file;
        ReadTables();
        ReadOnlySpan<byte> head = Table("head");
        _unitsPerEm = U16(head, 18);
        Box = [Scale(I16(head, 36)), Scale(I16(head, 38)), Scale(I16(head, 40)), Scale(I16(head, 42))];
        _longOffsets = I16(head, 50) != 0;
        ReadOnlySpan<byte> hhea = Table("hhea");
        Ascent = Scale(I16(hhea, 4));
        Descent = Scale(I16(hhea, 6));
        _widthCount = U16(hhea, 34);
        _glyphCount = U16(Table("maxp"), 4);
        ReadCharacters();
    }

    public string Name { get; }

    /// <summary>In thousandths of the font size, like every measure here.</summary>
    public int Ascent { get; }

    public int Descent { get; }

    /// <summary>Left, bottom, right, top of the largest glyph.</summary>
    public IReadOnlyList<int> Box { get; }

    /// <summary>Reads a font.</summary>
    /// <exception cref="InvalidDataException">It is damaged, of another kind, or its maker forbids embedding.</exception>
    public static TrueTypeFont Read(string name, byte[] file)
    {
        try
        {
            return new TrueTypeFont(name, file);
        }
        catch (Exception failure) when (failure is ArgumentOutOfRangeException or IndexOutOfRangeException or KeyNotFoundException or DivideByZeroException)
        {
            throw new InvalidDataException($"The font {name} cannot be read.", failure);
        }
    }

    /// <summary>The glyph of a character; 0, the empty box, if the font has none.</summary>
    public int Glyph(Rune rune) => _glyphs.GetValueOrDefault(rune.Value);

    public int Width(int glyph) => Scale(U16(Table("hmtx"), 4 * Math.Min(glyph, _widthCount - 1)));

    /// <summary>A font file with the shapes of the given glyphs only; glyph numbers stay as they are.</summary>
    public byte[] Subset(IEnumerable<int> glyphs)
    {
        SortedSet<int> kept = WithComponents(glyphs);
        byte[] offsets = new byte[4 * (_glyphCount + 1)];
        byte[] widths = Table("hmtx").ToArray();
        using var shapes = new MemoryStream();
        for (int glyph = 0; glyph < _glyphCount; glyph++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(offsets.AsSpan(4 * glyph), (uint)shapes.Length);
            if (kept.Contains(glyph))
            {
                shapes.Write(Shape(glyph));
                shapes.Write(new byte[-shapes.Length & 3]);
            }
            else if (glyph < _widthCount - 1)
            {
                // Nobody reads it, and zeros take no room once compressed. The last one stands for all glyphs behind it.
                widths.AsSpan(4 * glyph, 4).Clear();
            }
        }
        BinaryPrimitives.WriteUInt32BigEndian(offsets.AsSpan(4 * _glyphCount), (uint)shapes.Length);

        byte[] head = Table("head").ToArray();
        head.AsSpan(8, 4).Clear();
        BinaryPrimitives.WriteInt16BigEndian(head.AsSpan(50), 1);
        return Assemble(new() { ["head"] = head, ["hmtx"] = widths, ["loca"] = offsets, ["glyf"] = shapes.ToArray() });
    }

    private void ReadTables()
    {
        uint kind = U32(_file, 0);
        if (kind is not (0x00010000 or 0x74727565))
            throw new InvalidDataException($"{Name} is no TrueType font.");
        for (int i = 0; i < U16(_file, 4); i++)
        {
            ReadOnlySpan<byte> entry = _file.AsSpan(12 + 16 * i, 16);
            int start = (int)U32(entry, 8);
            _tables[Encoding.ASCII.GetString(entry[..4])] = start..(start + (int)U32(entry, 12));
        }
        const int embeddingForbidden = 0x0002;
        if (_tables.ContainsKey("OS/2") && (U16(Table("OS/2"), 8) & 0x000F) == embeddingForbidden)
            throw new InvalidDataException($"{Name} may not be embedded.");
    }

    private void ReadCharacters()
    {
        ReadOnlySpan<byte> cmap = Table("cmap");
        int best = -1, bestFormat = 0;
        for (int i = 0; i < U16(cmap, 2); i++)
        {
            int platform = U16(cmap, 4 + 8 * i), encoding = U16(cmap, 6 + 8 * i), offset = (int)U32(cmap, 8 + 8 * i);
            int format = U16(cmap, offset);
            bool unicode = platform == 0 || (platform == 3 && encoding is 1 or 10);
            // Format 12 reaches beyond the first 65,536 characters, format 4 does not.
            if (unicode && format is 4 or 12 && format > bestFormat)
                (best, bestFormat) = (offset, format);
        }
        if (best < 0)
            throw new InvalidDataException($"{Name} has no table of Unicode characters.");
        if (bestFormat == 12)
            ReadGroups(cmap[best..]);
        else
            ReadSegments(cmap[best..]);
    }

    private void ReadGroups(ReadOnlySpan<byte> table)
    {
        for (int i = 0; i < U32(table, 12); i++)
        {
            ReadOnlySpan<byte> group = table.Slice(16 + 12 * i, 12);
            int first = (int)U32(group, 0), last = (int)U32(group, 4), glyph = (int)U32(group, 8);
            for (int character = first; character <= Math.Min(last, 0x10FFFF); character++)
                AddGlyph(character, glyph + character - first);
        }
    }

    private void ReadSegments(ReadOnlySpan<byte> table)
    {
        int segments = U16(table, 6) / 2;
        int ends = 14, starts = 16 + 2 * segments, deltas = starts + 2 * segments, offsets = deltas + 2 * segments;
        for (int i = 0; i < segments; i++)
        {
            int start = U16(table, starts + 2 * i), end = U16(table, ends + 2 * i);
            int delta = U16(table, deltas + 2 * i), offset = U16(table, offsets + 2 * i);
            for (int character = start; character <= end && character != 0xFFFF; character++)
            {
                // The offset counts from its own place in the table.
                int glyph = offset == 0 ? character : U16(table, offsets + 2 * i + offset + 2 * (character - start));
                AddGlyph(character, glyph == 0 && offset != 0 ? 0 : (glyph + delta) & 0xFFFF);
            }
        }
    }

    private void AddGlyph(int character, int glyph)
    {
        if (glyph > 0 && glyph < _glyphCount)
            _glyphs[character] = glyph;
    }

    // An accented letter may be put together from others, which must come along.
    private SortedSet<int> WithComponents(IEnumerable<int> glyphs)
    {
        var kept = new SortedSet<int> { 0 };
        var open = new Stack<int>(glyphs);
        while (open.TryPop(out int glyph))
        {
            if (kept.Add(glyph) || glyph == 0)
                AddComponents(Shape(glyph), kept, open);
        }
        return kept;
    }

    private static void AddComponents(ReadOnlySpan<byte> shape, SortedSet<int> kept, Stack<int> open)
    {
        const int wordArguments = 0x0001, oneScale = 0x0008, moreComponents = 0x0020, twoScales = 0x0040, matrix = 0x0080;
        if (shape.Length < 10 || I16(shape, 0) >= 0)
            return;
        int position = 10, flags;
        do
        {
            flags = U16(shape, position);
            int component = U16(shape, position + 2);
            if (!kept.Contains(component))
                open.Push(component);
            position += 4 + ((flags & wordArguments) != 0 ? 4 : 2);
            position += (flags & oneScale) != 0 ? 2 : (flags & twoScales) != 0 ? 4 : (flags & matrix) != 0 ? 8 : 0;
        }
        while ((flags & moreComponents) != 0);
    }

    private ReadOnlySpan<byte> Shape(int glyph)
    {
        ReadOnlySpan<byte> loca = Table("loca");
        int start = _longOffsets ? (int)U32(loca, 4 * glyph) : 2 * U16(loca, 2 * glyph);
        int end = _longOffsets ? (int)U32(loca, 4 * glyph + 4) : 2 * U16(loca, 2 * glyph + 2);
        return Table("glyf")[start..end];
    }

    private byte[] Assemble(Dictionary<string, byte[]> changed)
    {
        string[] tags = [.. EmbeddedTables.Where(_tables.ContainsKey)];
        int power = (int)Math.Log2(tags.Length);
        using var font = new MemoryStream();
        byte[] header = new byte[12 + 16 * tags.Length];
        BinaryPrimitives.WriteUInt32BigEndian(header, 0x00010000);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)tags.Length);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)(16 << power));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(8), (ushort)power);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), (ushort)(16 * tags.Length - (16 << power)));
        font.Write(header);

        int headAt = 0;
        for (int i = 0; i < tags.Length; i++)
        {
            ReadOnlySpan<byte> table = changed.TryGetValue(tags[i], out byte[]? replacement) ? replacement : Table(tags[i]);
            Span<byte> entry = header.AsSpan(12 + 16 * i, 16);
            Encoding.ASCII.GetBytes(tags[i], entry);
            BinaryPrimitives.WriteUInt32BigEndian(entry[4..], Checksum(table));
            BinaryPrimitives.WriteUInt32BigEndian(entry[8..], (uint)font.Length);
            BinaryPrimitives.WriteUInt32BigEndian(entry[12..], (uint)table.Length);
            if (tags[i] == "head")
                headAt = (int)font.Length;
            font.Write(table);
            font.Write(new byte[-font.Length & 3]);
        }

        byte[] file = font.ToArray();
        header.CopyTo(file, 0);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(headAt + 8), unchecked(0xB1B0AFBA - Checksum(file)));
        return file;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        Span<byte> word = stackalloc byte[4];
        for (int i = 0; i < bytes.Length; i += 4)
        {
            word.Clear();
            bytes.Slice(i, Math.Min(4, bytes.Length - i)).CopyTo(word);
            sum = unchecked(sum + U32(word, 0));
        }
        return sum;
    }

    private ReadOnlySpan<byte> Table(string tag) => _file.AsSpan(_tables[tag]);

    private int Scale(int units) => (int)Math.Round(units * 1000.0 / _unitsPerEm);

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);

    private static short I16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt16BigEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
}
