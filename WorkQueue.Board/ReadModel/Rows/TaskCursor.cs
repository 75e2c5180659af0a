using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>
/// A place in the list of tasks: the offset of the first record of the last task of a page. The same for every replica, and
/// after a restart; tasks that come in between do not move it.
/// </summary>
internal readonly record struct TaskCursor(long FirstOffset)
{
    private const byte Version = 1;

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[9];
        bytes[0] = Version;
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes[1..], FirstOffset);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out TaskCursor? cursor)
    {
        Span<byte> bytes = stackalloc byte[9];
        bool valid = text is { Length: 12 } && Base64Url.TryDecodeFromChars(text, bytes, out int written) && written == 9 && bytes[0] == Version;
        long offset = valid ? System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes[1..]) : -1;
        cursor = offset >= 0 ? new TaskCursor(offset) : null;
        return cursor is not null;
    }
}
