using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace WorkQueue.Messaging;

/// <summary>What a task id tells, and ids that can be made again.</summary>
internal static class TaskIds
{
    /// <summary>When a UUID version 7 was made, to the millisecond (RFC 9562 section 5.7); null for any other id.</summary>
    public static DateTimeOffset? CreatedAt(string id)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!Guid.TryParseExact(id, "D", out Guid uuid) || uuid.Version != 7 || !uuid.TryWriteBytes(bytes, bigEndian: true, out _))
        {
            return null;
        }

        // 48 bits reach past the year 9999, and an id is anybody's to choose.
        long milliseconds = (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
        return milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;
    }

    /// <summary>
    /// A UUID that is the same whenever it is made of the same text, by its SHA-256: of version 7 with the time that is given, else of version 8.
    /// </summary>
    public static string Of(DateTimeOffset? time, string text)
    {
        Span<byte> bytes = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), bytes);
        Span<byte> id = bytes[..16];
        if (time is { } moment)
        {
            BinaryPrimitives.WriteUInt64BigEndian(id, ((ulong)moment.ToUnixTimeMilliseconds() << 16) | BinaryPrimitives.ReadUInt16BigEndian(id[6..]));
        }

        id[6] = (byte)((time is null ? 0x80 : 0x70) | (id[6] & 0x0F));
        id[8] = (byte)(0x80 | (id[8] & 0x3F));
        return new Guid(id, bigEndian: true).ToString();
    }
}
