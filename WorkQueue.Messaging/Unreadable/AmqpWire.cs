using System.Buffers.Binary;
using System.Text;

namespace WorkQueue.Messaging.Unreadable;

/// <summary>One frame of AMQP 0-9-1, its payload as it came.</summary>
internal readonly record struct Frame(byte Type, ushort Channel, ReadOnlyMemory<byte> Payload)
{
    public const byte OfMethod = 1;
    public const byte OfHeader = 2;
    public const byte OfBody = 3;
    public const byte End = 0xCE;

    /// <summary>Class and method, where it is a method.</summary>
    public Method Method => Type == OfMethod ? (Method)BinaryPrimitives.ReadUInt32BigEndian(Payload.Span) : Method.None;

    /// <summary>The arguments of the method.</summary>
    public ReadOnlySpan<byte> MethodArguments => Payload.Span[4..];
}

/// <summary>The methods that are needed: the class in the upper half, the method in the lower.</summary>
internal enum Method : uint
{
    None = 0,
    ConnectionStart = (10 << 16) + 10,
    ConnectionStartOk = (10 << 16) + 11,
    ConnectionTune = (10 << 16) + 30,
    ConnectionTuneOk = (10 << 16) + 31,
    ConnectionOpen = (10 << 16) + 40,
    ConnectionOpenOk = (10 << 16) + 41,
    ConnectionClose = (10 << 16) + 50,
    ConnectionCloseOk = (10 << 16) + 51,
    ChannelOpen = (20 << 16) + 10,
    ChannelOpenOk = (20 << 16) + 11,
    ChannelClose = (20 << 16) + 40,
    ChannelCloseOk = (20 << 16) + 41,
    QueueDeclare = (50 << 16) + 10,
    QueueDeclareOk = (50 << 16) + 11,
    BasicPublish = (60 << 16) + 40,
    BasicReturn = (60 << 16) + 50,
    BasicGet = (60 << 16) + 70,
    BasicGetOk = (60 << 16) + 71,
    BasicGetEmpty = (60 << 16) + 72,
    BasicAck = (60 << 16) + 80,
    BasicNack = (60 << 16) + 120,
    ConfirmSelect = (85 << 16) + 10,
    ConfirmSelectOk = (85 << 16) + 11,
}

/// <summary>The arguments of a method, in the order they are written.</summary>
internal sealed class MethodArguments
{
    private readonly List<byte> _bytes = [];

    public static MethodArguments Of(Method method) => new MethodArguments().Long((uint)method);

    public MethodArguments Octet(byte value)
    {
        _bytes.Add(value);
        return this;
    }

    public MethodArguments Short(ushort value) => Octet((byte)(value >> 8)).Octet((byte)value);

    public MethodArguments Long(uint value) => Short((ushort)(value >> 16)).Short((ushort)value);

    public MethodArguments LongLong(ulong value) => Long((uint)(value >> 32)).Long((uint)value);

    public MethodArguments ShortText(string value)
    {
        byte[] text = Encoding.UTF8.GetBytes(value);
        return Octet(checked((byte)text.Length)).Raw(text);
    }

    public MethodArguments LongText(ReadOnlySpan<byte> value) => Long((uint)value.Length).Raw(value);

    /// <summary>A table of texts; empty without any.</summary>
    public MethodArguments Table(params (string Name, string Value)[] fields)
    {
        MethodArguments table = new();
        foreach ((string name, string value) in fields)
        {
            table.ShortText(name).Octet((byte)'S').LongText(Encoding.UTF8.GetBytes(value));
        }

        return LongText(table.ToArray());
    }

    public byte[] ToArray() => [.. _bytes];

    private MethodArguments Raw(ReadOnlySpan<byte> value)
    {
        _bytes.AddRange(value);
        return this;
    }
}

/// <summary>Frames over a stream.</summary>
internal sealed class AmqpWire(Stream stream) : IAsyncDisposable
{
    // Reads alone go through it: it holds back nothing that is written.
    private readonly BufferedStream _reader = new(stream, 1 << 16);
    private readonly byte[] _start = new byte[7];

    public async Task SendProtocolAsync(CancellationToken cancellationToken) => await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), cancellationToken);

    public async Task<Frame> ReadAsync(CancellationToken cancellationToken)
    {
        await _reader.ReadExactlyAsync(_start, cancellationToken);
        byte[] payload = new byte[checked((int)BinaryPrimitives.ReadUInt32BigEndian(_start.AsSpan(3)) + 1)];
        await _reader.ReadExactlyAsync(payload, cancellationToken);
        return payload[^1] == Frame.End
            ? new Frame(_start[0], BinaryPrimitives.ReadUInt16BigEndian(_start.AsSpan(1)), payload.AsMemory(0, payload.Length - 1))
            : throw new IOException("what the broker sends is no AMQP 0-9-1");
    }

    public async Task WriteAsync(Frame frame, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[frame.Payload.Length + 8];
        bytes[0] = frame.Type;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(1), frame.Channel);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(3), (uint)frame.Payload.Length);
        frame.Payload.CopyTo(bytes.AsMemory(7));
        bytes[^1] = Frame.End;
        await stream.WriteAsync(bytes, cancellationToken);
    }

    public async ValueTask DisposeAsync() => await stream.DisposeAsync();
}
