using System.Buffers.Binary;

namespace WorkQueue.Messaging.Wire;

/// <summary>What a task id tells.</summary>
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
}
