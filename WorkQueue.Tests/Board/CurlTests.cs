using System.Diagnostics;
using System.Text;
using WorkQueue.Board.Pages.Models;

namespace WorkQueue.Tests.Board;

public sealed class CurlTests
{
    [Fact]
    public void A_JSON_task_is_sent_with_its_type_and_queue()
    {
        string command = CurlCommand.Of("http://localhost:5180", "simulate", "default", "application/json", """{"text":"it's"}"""u8, needsKey: false);
        Assert.Equal(
            """curl 'http://localhost:5180/tasks' -H 'Content-Type: application/json' --data-raw '{"type":"simulate","queue":"default","payload":{"text":"it'\''s"}}'""",
            command);
    }

    [Fact]
    public void A_text_is_sent_as_text_and_the_key_comes_from_the_environment()
    {
        string command = CurlCommand.Of("https://q", "simulate", "default", "text/plain", "two\nlines"u8, needsKey: true);
        Assert.Equal("curl 'https://q/tasks' -H \"Authorization: Bearer $WORKQUEUE_API_KEY\" -H 'Content-Type: text/plain' --data-binary 'two\nlines'", command);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("it's '' \" $HOME `id` \\ !")]
    [InlineData("$(touch x); rm -rf /nowhere & | > <")]
    [InlineData("line\nline\ttab")]
    [InlineData("")]
    public void A_shell_reads_back_exactly_what_was_quoted(string text)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        ProcessStartInfo start = new("sh", ["-c", $"printf %s {CurlCommand.Quote(text)}"]) { RedirectStandardOutput = true, StandardOutputEncoding = Encoding.UTF8 };
        using Process shell = Process.Start(start)!;
        Assert.Equal(text, shell.StandardOutput.ReadToEnd());
    }
}
