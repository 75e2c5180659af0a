using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class PayloadTests
{
    private static readonly PayloadCodec Codec = new(Options.Create(new TaskJsonOptions()));

    private sealed record Note(string Text, int Copies = 1);

    [Fact]
    public void JSON_is_read_with_camel_case_names() =>
        Assert.Equal(new Note("hi", 2), Read<Note>("application/json", """{"text":"hi","copies":2}"""));

    [Fact]
    public void A_text_is_read_into_a_string_or_the_text_property()
    {
        Assert.Equal("hi \"there\"", Read<string>("text/plain", "hi \"there\""));
        Assert.Equal(new Note("hi"), Read<Note>("text/plain; charset=utf-8", "hi"));
    }

    [Fact]
    public void A_JSON_element_outlives_the_buffer_it_was_read_from()
    {
        byte[] buffer = """{"a":1}"""u8.ToArray();
        JsonElement element = Codec.Read<JsonElement>(Message("application/json", buffer));
        Array.Clear(buffer);
        Assert.Equal(1, element.GetProperty("a").GetInt32());
    }

    [Theory]
    [InlineData("application/json", "{}", "text")]
    [InlineData("application/json", """{"text":null}""", "text")]
    [InlineData("application/json", """{"text":""", "does not fit")]
    [InlineData("application/json", "", "does not fit")]
    [InlineData("application/json", "null", "is null")]
    [InlineData("application/json", "[1]", "does not fit")]
    public void A_payload_that_does_not_fit_rejects_the_task_and_says_where(string contentType, string body, string expected) =>
        Assert.Contains(expected, Assert.Throws<TaskRejectedException>(() => Read<Note>(contentType, body)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_text_that_is_not_UTF_8_rejects_the_task() =>
        Assert.Throws<TaskRejectedException>(() => Codec.Read<string>(Message("text/plain", [0xff])));

    [Theory]
    [InlineData("application/json", """{"text":"hi"}""")]
    [InlineData("text/plain", "hi")]
    public void A_byte_order_mark_is_passed_over(string contentType, string body) =>
        Assert.Equal(new Note("hi"), Codec.Read<Note>(Message(contentType, [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(body)])));

    [Fact]
    public void An_encoding_that_is_not_read_rejects_the_task_and_is_named()
    {
        TaskRejectedException rejected = Assert.Throws<TaskRejectedException>(
            () => Codec.Read<Note>(Message("application/json", [0x1f, 0x8b]) with { ContentEncoding = "gzip" }));
        Assert.Contains("'gzip'", rejected.Message, StringComparison.Ordinal);
        Assert.Equal("hi", Codec.Read<string>(Message("text/plain", "hi"u8.ToArray()) with { ContentEncoding = "UTF-8" }));
    }

    private static T Read<T>(string contentType, string body) => Codec.Read<T>(Message(contentType, Encoding.UTF8.GetBytes(body)));

    private static TaskMessage Message(string contentType, byte[] body) =>
        new() { Id = "1", Type = "note", Queue = "default", Body = body, ContentType = contentType };
}
