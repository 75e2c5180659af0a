using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using WorkQueue.Cli;

namespace WorkQueue.Tests.Unit.Cli;

public sealed class SendFileTests
{
    [Fact]
    public async Task Each_line_of_the_input_is_a_task()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks/batch", AcceptAllAsync);
        Result result = await producer.FeedAsync("job 1.\r\n\njob 2..", "send", "--file", "-", "--delay", "5s");
        Assert.Equal((ExitCode.Done, "accepted 2, rejected 0\n"), (result.Code, result.Out));
        Received sent = Assert.Single(producer.Received);
        Assert.Equal("application/x-ndjson", sent.ContentType);
        Assert.Equal(
            """
            {"type":"simulate","payload":{"text":"job 1."},"delay":"00:00:05"}
            {"type":"simulate","payload":{"text":"job 2.."},"delay":"00:00:05"}

            """, sent.Body);
    }

    [Fact]
    public async Task Rejected_lines_are_told_by_their_number_in_the_file()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks/batch", 202, """{"accepted":2,"ids":["a","c"],"rejected":[{"line":2,"error":"too\u001b[31m bad"}]}""");
        string path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, "\n{\"n\":1}\n{\"n\":2}\n{broken\n{\"n\":3}\n");
        string[] args = ["send", "--file", path, "--type", "t", "--payload-lines"];

        Result text = await producer.RunAsync(args);
        Assert.Equal((ExitCode.Failed, "accepted 2, rejected 2\n"), (text.Code, text.Out));
        Assert.Contains("wq: line 3: too bad\n", text.Error, StringComparison.Ordinal);
        Assert.Contains("wq: line 4: The line is not JSON", text.Error, StringComparison.Ordinal);
        Assert.Equal("{\"type\":\"t\",\"payload\":{\"n\":1}}", producer.Received[0].Body.Split('\n')[0]);

        Result json = await producer.RunAsync([.. args, "--json"]);
        Assert.Equal("", json.Error);
        (long, string?)[] rows = [.. json.Lines.Select(line => JsonDocument.Parse(line).RootElement).Select(row => (row.GetProperty("line").GetInt64(), row.TryGetProperty("id", out JsonElement id) ? id.GetString() : null))];
        Assert.Equal([(4, null), (2, "a"), (3, null), (5, "c")], rows);
        File.Delete(path);
    }

    [Fact]
    public async Task A_large_file_goes_in_batches_of_bounded_size()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks/batch", AcceptAllAsync);
        StringBuilder input = new();
        for (int i = 0; i < 2_500; i++)
        {
            input.Append(new string('x', i % 1_000)).Append(i).Append('\n');
        }

        Result result = await producer.FeedAsync(input.ToString(), "send", "--file", "-");
        Assert.Equal("accepted 2500, rejected 0\n", result.Out);
        Assert.InRange(producer.Received.Count, 3, 10);
        Assert.All(producer.Received, batch => Assert.InRange(batch.Body.Length, 1, 600_000));
    }

    [Fact]
    public async Task Lines_that_come_slowly_are_not_held_back()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        TaskCompletionSource first = new();
        producer.On("POST /tasks/batch", async context =>
        {
            await AcceptAllAsync(context);
            first.TrySetResult();
        });
        using SlowInput input = new("one\n", first.Task);
        Result result = await producer.RunAsync(input, canAsk: false, CancellationToken.None, "send", "--file", "-");
        Assert.Equal("accepted 1, rejected 0\n", result.Out);
    }

    [Fact]
    public async Task After_a_failure_it_says_where_to_go_on()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks/batch", AcceptAllAsync).Refuse("POST /tasks/batch", 504, "No confirm.");
        Result result = await producer.FeedAsync(string.Concat(Enumerable.Repeat("x\n", 1_500)), "send", "--file", "-");
        Assert.Equal((ExitCode.TryAgain, ""), (result.Code, result.Out));
        Assert.Contains("accepted 1000, rejected 0, some of lines 1001 to 1500 perhaps; go on from line 1001.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_that_is_too_large_for_the_producer_is_rejected_alone()
    {
        await using FakeProducer producer = await FakeProducer.StartAsync();
        producer.On("POST /tasks/batch", AcceptAllAsync).Refuse("POST /tasks/batch", 413, "Too large.").On("POST /tasks/batch", AcceptAllAsync);
        Result result = await producer.FeedAsync($"a\n{new string('x', 600_000)}\nb\n", "send", "--file", "-");
        Assert.Equal((ExitCode.Failed, "accepted 2, rejected 1\n"), (result.Code, result.Out));
        Assert.Contains("wq: line 2: Too large", result.Error, StringComparison.Ordinal);
    }

    private static async Task AcceptAllAsync(HttpContext context)
    {
        // The body is read by now; each line has its id from its number.
        int lines = context.Items.TryGetValue(FakeProducer.Lines, out object? count) ? (int)count! : 0;
        await context.Response.WriteAsJsonAsync(new { accepted = lines, ids = Enumerable.Range(1, lines).Select(line => $"t{line}"), rejected = Array.Empty<object>() });
    }

    /// <summary>Gives its text, then nothing until it may end.</summary>
    private sealed class SlowInput(string text, Task mayEnd) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == Length)
            {
                await mayEnd.WaitAsync(cancellationToken);
            }

            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
