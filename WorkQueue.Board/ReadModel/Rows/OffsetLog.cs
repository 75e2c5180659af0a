namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>
/// The offsets of a task's records, a few bytes each: the first one, then the differences, seven bits a byte. Bounded: of a task with
/// very many, the first and the newest are kept.
/// </summary>
internal struct OffsetLog
{
    private const int Most = 200;

    private byte[]? _bytes;

    public OffsetLog(byte[]? bytes) => _bytes = bytes;

    /// <summary>As it is stored.</summary>
    public readonly byte[] Bytes => _bytes ?? [];

    public void Add(long offset)
    {
        List<long> known = [];
        long last = Decode(known);
        if (known.Contains(offset))
        {
            return;
        }

        if (known.Count >= Most)
        {
            known.RemoveAt(1);
            _bytes = null;
            last = 0;
            foreach (long kept in known)
            {
                Append(kept - last);
                last = kept;
            }
        }

        Append(offset - last);
    }

    /// <summary>The offsets, ascending.</summary>
    public readonly List<long> Read()
    {
        List<long> offsets = [];
        Decode(offsets);
        offsets.Sort();
        return offsets;
    }

    private readonly long Decode(List<long> offsets)
    {
        long last = 0;
        ulong value = 0;
        int shift = 0;
        foreach (byte piece in _bytes ?? [])
        {
            value |= (ulong)(piece & 0x7f) << shift;
            shift += 7;
            if (piece < 0x80)
            {
                // Zigzag: a record that came late has a smaller offset than the one before.
                last += (long)(value >> 1) ^ -(long)(value & 1);
                offsets.Add(last);
                (value, shift) = (0, 0);
            }
        }

        return last;
    }

    private void Append(long difference)
    {
        Span<byte> encoded = stackalloc byte[10];
        ulong rest = (ulong)((difference << 1) ^ (difference >> 63));
        int length = 0;
        while (rest >= 0x80)
        {
            encoded[length++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        encoded[length++] = (byte)rest;
        _bytes = [.. _bytes ?? [], .. encoded[..length]];
    }
}
