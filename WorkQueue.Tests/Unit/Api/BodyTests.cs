using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>How a body may be written, and what is refused with the reason.</summary>
public sealed class BodyTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Theory]
    [InlineData("text/plain", "hello")]
    [InlineData("application/json", """{"type":"simulate","payload":{"text":"hello"}}""")]
    [InlineData("application/x-ndjson", """{"type":"simulate","payload":{"text":"hello"}}""")]
    public async Task A_byte_order_mark_is_passed_over(string contentType, string body)
    {
        string path = contentType == "application/x-ndjson" ? "/tasks/batch" : "/tasks";
        Assert.Equal(HttpStatusCode.Accepted, (await PostAsync(path, contentType, [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(body)])).Status);
        Assert.NotEqual(0xEF, Assert.Single(_api.Broker.Enqueued).Body.Span[0]);
    }

    [Theory]
    [InlineData("text/plain; charset=\"utf-8\"")]
    [InlineData("text/plain; charset=utf8")]
    [InlineData("text/plain; charset=US-ASCII")]
    public async Task Other_names_of_UTF_8_are_legal(string contentType) =>
        Assert.Equal(HttpStatusCode.Accepted, (await PostAsync("/tasks", contentType, "hello"u8.ToArray())).Status);

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_compressed_body_is_undone(string encoding)
    {
        using MemoryStream compressed = new();
        await using (Stream compress = encoding == "br" ? new BrotliStream(compressed, CompressionLevel.Fastest) : new GZipStream(compressed, CompressionLevel.Fastest))
        {
            await compress.WriteAsync("hello"u8.ToArray());
        }

        Assert.Equal(HttpStatusCode.Accepted, (await PostAsync("/tasks", "text/plain", compressed.ToArray(), encoding)).Status);
        Assert.Equal("hello"u8.ToArray(), Assert.Single(_api.Broker.Enqueued).Body.ToArray());
    }

    [Theory]
    [InlineData("/tasks", "text/plain")]
    [InlineData("/tasks/batch", "application/x-ndjson")]
    public async Task An_encoding_that_cannot_be_undone_is_415_and_named(string path, string contentType)
    {
        (HttpStatusCode status, JsonElement problem) = await PostAsync(path, contentType, "hello"u8.ToArray(), "zstd");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, status);
        Assert.Contains("'zstd'", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_body_that_is_not_encoded_as_it_says_is_400(string encoding)
    {
        (HttpStatusCode status, JsonElement problem) = await PostAsync("/tasks", "text/plain", "not compressed at all"u8.ToArray(), encoding);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("Content-Encoding", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Theory]
    [InlineData("2100-01-01T12:00:00", "has no offset")]
    [InlineData("2100-01-01", "has no offset")]
    [InlineData("soon", "is no time")]
    public async Task A_time_without_an_offset_is_400_and_asks_for_one(string time, string expected)
    {
        (HttpStatusCode status, JsonElement problem) = await _api.PostAsync("/tasks", $$"""{"type":"simulate","payload":{},"notBefore":"{{time}}"}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(expected, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Broker.Enqueued);
    }

    [Theory]
    [InlineData("2100-01-01T12:00:00Z")]
    [InlineData("2100-01-01T13:00:00+01:00")]
    public async Task A_time_with_an_offset_is_that_moment(string time)
    {
        await _api.PostAsync("/tasks", $$"""{"type":"simulate","payload":{},"notBefore":"{{time}}"}""");
        Assert.Equal(new DateTimeOffset(2100, 1, 1, 12, 0, 0, TimeSpan.Zero), Assert.Single(_api.Broker.Enqueued).NotBefore);
    }

    [Fact]
    public async Task A_line_of_a_batch_whose_outcome_is_unknown_has_its_id()
    {
        _api.Broker.IsUncertain = true;
        (HttpStatusCode status, JsonElement answer) = await _api.PostAsync("/tasks/batch", """{"type":"simulate","payload":1}""", "application/x-ndjson");
        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal("uncertain", Assert.Single(answer.GetProperty("rejected").EnumerateArray()).GetProperty("id").GetString());
    }

    private async Task<(HttpStatusCode Status, JsonElement Json)> PostAsync(string path, string contentType, byte[] body, string? encoding = null)
    {
        using ByteArrayContent content = new(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }

        using HttpResponseMessage answer = await _api.Http.PostAsync(path, content);
        string json = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, json.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(json));
    }
}
