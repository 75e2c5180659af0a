using System.Buffers.Binary;
using System.Text;
using RabbitMQ.Client;
using WorkQueue.Messaging.Unreadable;

namespace WorkQueue.Tests.Support;

/// <summary>Messages as they are on the wire, among them such as no .NET client would write.</summary>
internal static class RawMessages
{
    /// <summary>A field of a header table: its name, and its value with the letter of its type.</summary>
    public static byte[] Field(string name, byte[] value) => [(byte)name.Length, .. Encoding.ASCII.GetBytes(name), .. value];

    /// <summary>A value that is preceded by its length: a table, a list, a text.</summary>
    public static byte[] Long(char type, byte[] value) => [(byte)type, .. LengthAnd(value)];

    public static byte[] LengthAnd(byte[] value)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, value.Length);
        return [.. length, .. value];
    }

    /// <summary>The content header of a persistent JSON task of the type <c>probe</c>.</summary>
    public static byte[] Header(byte[] fields, int bodySize)
    {
        byte[] size = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(size, bodySize);
        // Content type, headers, delivery mode; type.
        return [0, 60, 0, 0, .. size, 0b1011_0000, 0b0010_0000, 16, .. "application/json"u8, .. LengthAnd(fields), 2, 5, .. "probe"u8];
    }

    public static RawMessage Of(byte[] fields, byte[] body) => new(0, Header(fields, body.Length), [body]);

    /// <summary>A connection that takes and gives messages as they are.</summary>
    public static Task<RawConnection> ConnectAsync(string connectionString)
    {
        ConnectionFactory factory = new() { Uri = new Uri(connectionString) };
        return RawConnection.OpenAsync(factory, [factory.Endpoint], CancellationToken.None);
    }
}
