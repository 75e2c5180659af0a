using System.Buffers;

namespace WorkQueue.Cli.Commands;

/// <summary>Lines on their way to the producer, and where in the file they stood.</summary>
internal sealed class LineBatch
{
    private const int MaxLines = 1_000;
    private const int MaxBytes = 512 * 1024;

    private readonly List<long> _numbers = [];
    private readonly ArrayBufferWriter<byte> _body = new();

    public int Count => _numbers.Count;

    public long First => Count > 0 ? _numbers[0] : 0;

    public long Last => Count > 0 ? _numbers[^1] : 0;

    public ReadOnlyMemory<byte> Body => _body.WrittenMemory;

    /// <summary>An empty batch has room for a line of any size.</summary>
    public bool HasRoomFor(byte[] json) => Count == 0 || (Count < MaxLines && _body.WrittenCount + json.Length <= MaxBytes);

    public void Add(long number, byte[] json)
    {
        _numbers.Add(number);
        _body.Write(json);
        _body.Write("\n"u8);
    }

    public long NumberOf(int index) => _numbers[index];

    public void Clear()
    {
        _numbers.Clear();
        _body.ResetWrittenCount();
    }
}
