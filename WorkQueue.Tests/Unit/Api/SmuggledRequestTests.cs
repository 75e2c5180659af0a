using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>
/// Requests that a proxy might read in another way than this program does, so that a part of one passes as a request of its own: the kinds of "HTTP request smuggling"
/// (RFC 9112, section 11.2). Each is followed by a request that must not be enqueued by whoever sent the first.
/// </summary>
public sealed partial class SmuggledRequestTests : IAsyncLifetime
{
    private const string Hidden = "POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhidden";

    private const string Last = "GET /openapi/v1.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    private ApiHost _api = null!;

    /// <summary>The head of a request, and what follows it; in both <c>{0}</c> is the hidden request and <c>{1}</c> its length.</summary>
    public static TheoryData<string, string> Requests => new()
    {
        // Two lengths.
        { "Content-Length: 0\r\nContent-Length: {1}", "{0}" },
        { "Content-Length: 0, {1}", "{0}" },
        { "Content-Length: {1}\r\nContent-Length: 0", "{0}" },
        // A length and chunks: the chunks hold.
        { "Content-Length: {1}\r\nTransfer-Encoding: chunked", "0\r\n\r\n" },
        { "Transfer-Encoding: chunked\r\nContent-Length: 3", "0\r\n\r\n" },
        // What may be read as chunked, or not.
        { "Transfer-Encoding: xchunked", "0\r\n\r\n{0}" },
        { "Transfer-Encoding: chunked, identity", "0\r\n\r\n{0}" },
        { "Transfer-Encoding : chunked", "0\r\n\r\n{0}" },
        { "Transfer-Encoding: \vchunked", "0\r\n\r\n{0}" },
        { "X: x\r\n Transfer-Encoding: chunked", "0\r\n\r\n{0}" },
        { "X: x\rTransfer-Encoding: chunked", "0\r\n\r\n{0}" },
        // Lengths that are no numbers.
        { "Content-Length: +{1}", "{0}" },
        { "Content-Length: 0x0", "{0}" },
        { "Content-Length: -1", "{0}" },
        { "Content-Length: 1 2", "{0}" },
        { "Content-Length: 99999999999999999999", "{0}" },
        // Chunks whose size is no number, or too large for one.
        { "Transfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n{0}" },
        { "Transfer-Encoding: chunked", "-1\r\n\r\n{0}" },
        { "Transfer-Encoding: chunked", "10000000000000005\r\nhello\r\n0\r\n\r\n{0}" },
        { "Transfer-Encoding: chunked", "5 \r\nhelloXX0\r\n\r\n{0}" },
        // A line that ends without a carriage return, and one in a name.
        { "X: x\nContent-Length: {1}\nY: y", "" },
        { "X\0: x", "{0}" },
        // Two hosts.
        { "Host: elsewhere\r\nContent-Length: 0", "" },
    };

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_request_that_can_be_read_in_two_ways_ends_its_connection_or_is_one_request(string head, string body)
    {
        string text = $"POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n{Fill(head)}\r\n\r\n{Fill(body)}";
        string answer = await SendAsync(text);
        // It is refused, or read as one whose body is not what is hidden; then the last request is answered too.
        Assert.True(Status().Count(answer) <= 2, $"{text}\n\n{answer}");
        Assert.True(_api.Broker.Enqueued.Count <= 1);
        Assert.DoesNotContain(_api.Broker.Enqueued, task => Encoding.UTF8.GetString(task.Body.Span) == "hidden");
        if (!answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal))
        {
            Assert.Empty(_api.Broker.Enqueued);
        }
    }

    [Fact]
    public async Task Two_plain_requests_on_one_connection_are_two()
    {
        string answer = await SendAsync(Hidden + Hidden);
        Assert.Equal(3, Status().Count(answer));
        Assert.Equal(2, _api.Broker.Enqueued.Count);
    }

    private static string Fill(string text) => text.Replace("{0}", Hidden, StringComparison.Ordinal).Replace("{1}", $"{Hidden.Length}", StringComparison.Ordinal);

    // All that comes back until the other side ends the connection: after the last request, or because it has refused one, or waits in vain for a body's rest.
    private async Task<string> SendAsync(string text)
    {
        using TcpClient client = new();
        await client.ConnectAsync("127.0.0.1", _api.Http.BaseAddress!.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text + Last));
        using StreamReader reader = new(stream, Encoding.Latin1);
        try
        {
            return await reader.ReadToEndAsync();
        }
        catch (IOException)
        {
            // It was cut off, which is an answer too.
            return "";
        }
    }

    [GeneratedRegex("^HTTP/1\\.1 [0-9]{3}", RegexOptions.Multiline)]
    private static partial Regex Status();
}
