using System.Buffers.Binary;
using System.Text;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Unreadable;

/// <summary>
/// The content header of a message, as it is on the wire: class, weight and size of the body in 12 bytes, two of flags, and a property for
/// each flag that is set.
/// </summary>
internal static class MessageHeader
{
    private const int FlagsAt = 12;
    private const int PropertiesAt = 14;
    private const int HeadersFlag = 13;
    private const int ExpirationFlag = 8;
    private const int UserIdFlag = 4;

    // From the highest flag down: short text, table, octet, timestamp.
    private const string Kinds = "sstoosssstssss";

    /// <summary>What the client cannot read, or null. Asked of the client's own reader, so that there is no other opinion on it.</summary>
    public static string? Problem(ReadOnlySpan<byte> header)
    {
        // The client reads no properties where there are none.
        if (header.Length <= PropertiesAt || ClientProblem(header[FlagsAt..]) is not { } problem)
        {
            return null;
        }

        return NameOfUnreadable(header) is { } name ? $"header '{name}': {problem}" : problem;
    }

    /// <summary>
    /// The header to publish it with: the same bytes, but for two properties that would lose it. The broker takes no user id other than the
    /// publisher's own, and drops what expires.
    /// </summary>
    public static ReadOnlyMemory<byte> ForPublishing(ReadOnlyMemory<byte> header)
    {
        ushort flags = Flags(header.Span);
        ushort kept = (ushort)(flags & ~(1 << ExpirationFlag) & ~(1 << UserIdFlag));
        if (kept == flags)
        {
            return header;
        }

        MemoryStream copy = new();
        copy.Write(header.Span[..FlagsAt]);
        copy.Write([(byte)(kept >> 8), (byte)kept]);
        foreach ((int flag, Range place) in Properties(header.Span))
        {
            if (flag is not (ExpirationFlag or UserIdFlag))
            {
                copy.Write(header.Span[place]);
            }
        }

        return copy.ToArray();
    }

    private static ushort Flags(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt16BigEndian(header[FlagsAt..]);

    private static string? ClientProblem(ReadOnlySpan<byte> flagsAndProperties)
    {
        try
        {
            _ = new ReadOnlyBasicProperties(flagsAndProperties);
            return null;
        }
#pragma warning disable CA1031 // Whatever it throws here would end the connection there.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return failure.Message;
        }
    }

    private static List<(int Flag, Range Place)> Properties(ReadOnlySpan<byte> header)
    {
        List<(int, Range)> properties = [];
        int at = PropertiesAt;
        for (int flag = 15; flag > 1; flag--)
        {
            if ((Flags(header) >> flag & 1) == 1)
            {
                int length = Kinds[15 - flag] switch
                {
                    's' => 1 + header[at],
                    'o' => 1,
                    't' when flag == HeadersFlag => 4 + Length(header[at..]),
                    _ => 8,
                };
                properties.Add((flag, at..(at + length)));
                at += length;
            }
        }

        return properties;
    }

    // Each field of the table by itself; what is cut off or of an unknown kind ends the walk, and is the one.
    private static string? NameOfUnreadable(ReadOnlySpan<byte> header)
    {
        string? name = null;
        try
        {
            if ((Flags(header) >> HeadersFlag & 1) == 0)
            {
                return null;
            }

            ReadOnlySpan<byte> table = header[Properties(header).First(property => property.Flag == HeadersFlag).Place][4..];
            while (table.Length > 0)
            {
                int value = 1 + table[0];
                name = Encoding.UTF8.GetString(table[1..value]);
                int end = value + 1 + LengthOfValue(table[value..]);
                if (ClientProblem([1 << (HeadersFlag - 8), 0, .. LengthOf(end), .. table[..end]]) is not null)
                {
                    return name;
                }

                table = table[end..];
            }

            return null;
        }
        catch (Exception failure) when (failure is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            return name;
        }
    }

    private static int LengthOfValue(ReadOnlySpan<byte> value) => (char)value[0] switch
    {
        'V' => 0,
        't' or 'b' or 'B' => 1,
        's' or 'u' => 2,
        'I' or 'i' or 'f' => 4,
        'D' => 5,
        'l' or 'L' or 'd' or 'T' => 8,
        'S' or 'x' or 'F' or 'A' => 4 + Length(value[1..]),
        _ => throw new ArgumentException("of a kind that AMQP does not have", nameof(value)),
    };

    private static int Length(ReadOnlySpan<byte> at) => checked((int)BinaryPrimitives.ReadUInt32BigEndian(at));

    private static byte[] LengthOf(int length)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, length);
        return bytes;
    }
}
