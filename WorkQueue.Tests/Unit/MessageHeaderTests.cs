using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using WorkQueue.Messaging.Unreadable;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit;

public sealed class MessageHeaderTests
{
    private static readonly byte[] Decimal29 = [(byte)'D', 29, 0, 0, 0, 1];
    private static readonly byte[] Decimal28 = [(byte)'D', 28, 0, 0, 0, 1];
    private static readonly byte[] LongLong = [(byte)'L', 0, 0, 0, 0, 0, 0, 0, 1];
    private static readonly byte[] Text = [(byte)'S', 0, 0, 0, 1, (byte)'x'];

    public static TheoryData<string, byte[], string> Unreadable => new()
    {
        { "a decimal of more than 28 places", RawMessages.Field("odd", Decimal29), "header 'odd': " },
        { "a type the client does not know", RawMessages.Field("odd", LongLong), "header 'odd': " },
        { "behind others", [.. RawMessages.Field("good", Text), .. RawMessages.Field("fine", Decimal28), .. RawMessages.Field("odd", Decimal29)], "header 'odd': " },
        { "within a table", RawMessages.Field("outer", RawMessages.Long('F', RawMessages.Field("inner", Decimal29))), "header 'outer': " },
        { "within a list of tables", RawMessages.Field("outer", RawMessages.Long('A', RawMessages.Long('F', RawMessages.Field("inner", LongLong)))), "header 'outer': " },
        { "of no type at all", RawMessages.Field("odd", [(byte)'?', 1, 2]), "header 'odd': " },
        { "cut off", RawMessages.Field("odd", [(byte)'S', 0, 0, 0, 9, (byte)'x']), "header 'odd': " },
        { "longer than can be", RawMessages.Field("odd", [(byte)'S', 0xff, 0xff, 0xff, 0xff]), "header 'odd': " },
    };

    public static TheoryData<string, byte[]> Readable => new()
    {
        { "none", [] },
        { "a text", RawMessages.Field("good", Text) },
        { "the largest decimal", RawMessages.Field("good", Decimal28) },
        { "an empty table and an empty list", [.. RawMessages.Field("a", RawMessages.Long('F', [])), .. RawMessages.Field("b", RawMessages.Long('A', []))] },
        { "tables in tables", RawMessages.Field("a", RawMessages.Long('F', RawMessages.Field("b", RawMessages.Long('F', RawMessages.Field("c", Text))))) },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public void What_the_client_cannot_read_is_told_by_the_name_of_its_header(string kind, byte[] fields, string problem)
    {
        Assert.StartsWith(problem, MessageHeader.Problem(RawMessages.Header(fields, bodySize: 1)), StringComparison.Ordinal);
        Assert.NotEmpty(kind);
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public void What_the_client_can_read_is_none_of_ours(string kind, byte[] fields)
    {
        Assert.Null(MessageHeader.Problem(RawMessages.Header(fields, bodySize: 1)));
        Assert.NotEmpty(kind);
    }

    [Fact]
    public void A_message_without_any_property_can_be_read() => Assert.Null(MessageHeader.Problem(RawMessages.Header([], bodySize: 0).AsSpan(0, 12).ToArray().Concat(new byte[2]).ToArray()));

    [Fact]
    public void Properties_that_are_cut_off_are_told()
    {
        byte[] header = RawMessages.Header(RawMessages.Field("good", Text), bodySize: 1);
        Assert.NotNull(MessageHeader.Problem(header.AsSpan(0, header.Length - 3)));
    }

    [Fact]
    public void It_is_published_with_the_same_bytes()
    {
        byte[] header = RawMessages.Header(RawMessages.Field("odd", Decimal29), bodySize: 1);
        Assert.Equal(header, MessageHeader.ForPublishing(header).ToArray());
    }

    [Fact]
    public void What_would_let_it_expire_or_be_refused_is_left_out_and_nothing_else()
    {
        // Content type, headers, delivery mode, expiration, message id, timestamp, user id, app id.
        byte[] start = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        byte[] table = RawMessages.LengthAnd(RawMessages.Field("odd", Decimal29));
        byte[] header = [.. start, 0b1011_0001, 0b1101_1000, .. Short("text/plain"), .. table, 2, .. Short("5000"), .. Short("id"), 0, 0, 0, 0, 0, 0, 0, 7, .. Short("alice"), .. Short("app")];
        byte[] kept = [.. start, 0b1011_0000, 0b1100_1000, .. Short("text/plain"), .. table, 2, .. Short("id"), 0, 0, 0, 0, 0, 0, 0, 7, .. Short("app")];
        Assert.Equal(kept, MessageHeader.ForPublishing(header).ToArray());
    }

    [Theory]
    [InlineData("WorkQueue.Worker")]
    [InlineData("WorkQueue.Producer")]
    public void The_deepest_tables_that_fit_into_a_frame_do_not_exhaust_the_stack_of_a_program(string program)
    {
        using JsonDocument settings = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, $"{program}.runtimeconfig.json")));
        string size = settings.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties").GetProperty("System.Threading.DefaultStackSize").GetString()!;
        foreach (char kind in "FA")
        {
            byte[] header = Nested(kind, frame: 131_072 - 8);
            string? problem = "not read";
            Thread reader = new(() => problem = MessageHeader.Problem(header), Convert.ToInt32(size, 16));
            reader.Start();
            reader.Join();
            Assert.Null(problem);
        }
    }

    // Tables or lists in each other, the innermost empty, as many as fit.
    private static byte[] Nested(char kind, int frame)
    {
        byte[] level = kind == 'F' ? [0, (byte)'F', 0, 0, 0, 0] : [(byte)'A', 0, 0, 0, 0];
        int levels = (frame - 40) / level.Length;
        byte[] value = new byte[levels * level.Length];
        for (int at = 0; at < value.Length; at += level.Length)
        {
            level.CopyTo(value, at);
            BinaryPrimitives.WriteInt32BigEndian(value.AsSpan(at + level.Length - 4), value.Length - at - level.Length);
        }

        return RawMessages.Header(kind == 'F' ? value : RawMessages.Field("", value), bodySize: 0);
    }

    private static byte[] Short(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];
}
