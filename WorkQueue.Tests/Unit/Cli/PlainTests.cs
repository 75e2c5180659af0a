using WorkQueue.Cli.Output;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class PlainTests
{
    [Theory]
    [InlineData("Hello... [bold]world[/] 😀 Łódź", "Hello... [bold]world[/] 😀 Łódź")]
    [InlineData("\u001b[31mred\u001b[0m", "red")]
    [InlineData("\u001b[2J\u001b[1;1Hgone", "gone")]
    [InlineData("\u001b]0;a title\u0007text", "text")]
    [InlineData("\u001b]8;;http://example.org\u001b\\link\u001b]8;;\u001b\\", "link")]
    [InlineData("\u001b]52;c;c2VjcmV0", "")]
    [InlineData("\u009b31mC1\u009d0;title\u009c", "C1")]
    [InlineData("bell\a back\b\0\u007f\u0085", "bell back")]
    [InlineData("\u202egnp.exe", "gnp.exe")]
    [InlineData("one\r\ntwo\tthree", "one two three")]
    [InlineData("\u001b", "")]
    [InlineData(null, "")]
    public void Text_of_a_task_cannot_control_the_terminal(string? text, string shown) => Assert.Equal(shown, Plain.Line(text));

    [Fact]
    public void Half_of_a_surrogate_pair_is_replaced() => Assert.Equal("half \ufffd pair", Plain.Line("half \ud800 pair"));

    [Fact]
    public void A_block_keeps_its_lines() => Assert.Equal("one\n\ttwo\nthree", Plain.Block("one\r\n\ttwo\u001b[K\rthree\n"));
}
