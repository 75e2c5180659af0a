using System.Buffers;
using System.Text;

namespace WorkQueue.Cli.Commands;

/// <summary>A line of the input, from 1; with an error in place of the text where it cannot be sent.</summary>
internal sealed record InputLine(long Number, string Text, string? Error = null);

/// <summary>Reads lines of UTF-8, ended by LF or CRLF, of bounded length.</summary>
internal sealed class LineReader(Stream input, int maxBytes = LineReader.MaxLineBytes)
{
    // The largest payload a producer can be set to take.
    private const int MaxLineBytes = 16 * 1024 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly ArrayBufferWriter<byte> _line = new();
    private int _start;
    private int _end;
    private long _number;

    /// <summary>The next line, or null at the end of the input.</summary>
    public async Task<InputLine?> ReadAsync(CancellationToken cancellationToken)
    {
        _line.ResetWrittenCount();
        bool isTooLong = false;
        while (true)
        {
            if (_start == _end)
            {
                (_start, _end) = (0, await input.ReadAsync(_buffer, cancellationToken));
                if (_end == 0)
                {
                    return _line.WrittenCount > 0 || isTooLong ? Finish(isTooLong) : null;
                }
            }

            int length = _buffer.AsSpan(_start.._end).IndexOf((byte)'\n');
            int taken = length < 0 ? _end - _start : length;
            isTooLong |= _line.WrittenCount + taken > maxBytes;
            if (!isTooLong)
            {
                _line.Write(_buffer.AsSpan(_start, taken));
            }

            _start += length < 0 ? taken : taken + 1;
            if (length >= 0)
            {
                return Finish(isTooLong);
            }
        }
    }

    private InputLine Finish(bool isTooLong)
    {
        _number++;
        if (isTooLong)
        {
            return new InputLine(_number, "", $"The line is longer than {maxBytes} bytes.");
        }

        try
        {
            string text = StrictUtf8.GetString(_line.WrittenSpan);
            return new InputLine(_number, (_number == 1 ? text.TrimStart('\uFEFF') : text).TrimEnd('\r'));
        }
        catch (DecoderFallbackException invalid)
        {
            return new InputLine(_number, "", $"The line is not UTF-8 at byte {invalid.Index + 1}.");
        }
    }
}
