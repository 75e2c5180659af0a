using System.Text;
using WorkQueue.Cli.Commands;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class LineReaderTests
{
    [Fact]
    public async Task Lines_end_with_LF_or_CRLF_and_the_last_one_with_the_input() =>
        Assert.Equal([new(1, "one"), new(2, ""), new(3, "Łódź"), new(4, "last")], await ReadAsync("\ufeffone\r\n\nŁódź\nlast"u8.ToArray()));

    [Fact]
    public async Task A_line_that_is_too_long_is_skipped_and_the_next_one_read()
    {
        List<InputLine> lines = await ReadAsync(Encoding.UTF8.GetBytes($"{new string('x', 300_000)}\nshort\n"), maxBytes: 200_000);
        Assert.Equal([new(1, "", "The line is longer than 200000 bytes."), new(2, "short")], lines);
    }

    [Fact]
    public async Task A_line_that_is_not_UTF_8_is_named_and_the_next_one_read() =>
        Assert.Equal([new(1, "", "The line is not UTF-8 at byte 2."), new(2, "good")], await ReadAsync([(byte)'a', 0xff, (byte)'\n', .. "good"u8]));

    [Fact]
    public async Task An_empty_input_has_no_lines() => Assert.Empty(await ReadAsync([]));

    private static async Task<List<InputLine>> ReadAsync(byte[] input, int maxBytes = 1_000_000)
    {
        LineReader reader = new(new MemoryStream(input), maxBytes);
        List<InputLine> lines = [];
        while (await reader.ReadAsync(CancellationToken.None) is { } line)
        {
            lines.Add(line);
        }

        return lines;
    }
}
