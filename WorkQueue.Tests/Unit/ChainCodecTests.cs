using System.Text;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

/// <summary>What travels with a task of a chain, in its headers.</summary>
public sealed class ChainCodecTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
    private static readonly TaskQueue Default = new("default", "wq", new QueueOptions(), TimeSpan.FromMinutes(30));
    private static readonly ChainLink Link = new("first", 2, """[{"type":"a","queue":"default","payload":{"n":1}},{"type":"b","payload":2}]""", """[{"pages":3},null]""");

    [Fact]
    public void What_is_written_is_read_back_also_as_a_stream_gives_long_texts_back()
    {
        IDictionary<string, object?> written = TaskCodec.Write(Message(Link), Now).Headers!;
        Assert.Equal(Link, Read(written).Message.Chain);
        Dictionary<string, object?> bytes = written.ToDictionary(header => header.Key, header => header.Value is string text ? Encoding.UTF8.GetBytes(text) : header.Value);
        Assert.Equal(Link, Read(bytes).Message.Chain);
        Dictionary<string, object?> binary = written.ToDictionary(header => header.Key, header => header.Value is string text ? new BinaryTableValue(Encoding.UTF8.GetBytes(text)) : header.Value);
        Assert.Equal(Link, Read(binary).Message.Chain);
    }

    [Fact]
    public void A_task_of_its_own_has_none_of_the_headers()
    {
        TaskDelivery delivery = Read(TaskCodec.Write(Message(null), Now).Headers!);
        Assert.Null(delivery.Message.Chain);
        Assert.Empty(delivery.Message.OtherHeaders);
        Assert.DoesNotContain(TaskCodec.Write(Message(null), Now).Headers!.Keys, name => name is "wq-chain" or "wq-place" or "wq-then" or "wq-previous");
    }

    [Fact]
    public void A_plain_client_need_only_say_what_comes_after_and_may_say_it_as_a_list()
    {
        TaskDelivery delivery = Read(new Dictionary<string, object?> { ["wq-then"] = """[{"type":"a","payload":1}]"""u8.ToArray() });
        Assert.Equal(("id", 0, null), (delivery.Message.Chain!.First, delivery.Message.Chain.Place, delivery.Unreadable));
        List<object?> list = [new Dictionary<string, object?> { ["type"] = "a"u8.ToArray(), ["payload"] = new Dictionary<string, object?> { ["n"] = 1 } }];
        delivery = Read(new Dictionary<string, object?> { ["wq-then"] = list });
        Assert.Equal("""{"n":1}""", Encoding.UTF8.GetString(Assert.Single(StepCodec.Read(delivery.Message.Chain!.Then)).Body.Span));
    }

    [Theory]
    [InlineData("wq-then", "no json", "header wq-then cannot be read: it is no JSON array")]
    [InlineData("wq-then", """{"type":"a"}""", "header wq-then cannot be read: it is no JSON array")]
    [InlineData("wq-then", "[1]", "header wq-then cannot be read: [0] has no type")]
    [InlineData("wq-then", """[{"type":"a"},{"payload":1}]""", "header wq-then cannot be read: [1] has no type")]
    [InlineData("wq-then", """[{"type":5}]""", "header wq-then cannot be read: [0]: ")]
    [InlineData("wq-then", """[{"type":"\ud800"}]""", "header wq-then cannot be read: [0]: ")]
    [InlineData("wq-then", """[{"type":"a","queue":["x"]}]""", "header wq-then cannot be read: [0]: ")]
    [InlineData("wq-then", """[{"type":"a","delay":"soon"}]""", "header wq-then cannot be read: [0] has the delay 'soon'")]
    [InlineData("wq-then", """[{"type":"a","delay":"-00:00:01"}]""", "header wq-then cannot be read: [0] has the delay '-00:00:01'")]
    [InlineData("wq-previous", "[", "header wq-previous cannot be read: it is no JSON array")]
    [InlineData("wq-place", "x", "header wq-place is no place in a chain: 'x'")]
    [InlineData("wq-place", "-1", "header wq-place is no place in a chain: '-1'")]
    [InlineData("wq-chain", "", "header wq-chain is no task id")]
    public void What_cannot_be_read_is_said_and_carried_on_as_it_came(string name, string value, string unreadable)
    {
        TaskDelivery delivery = Read(new Dictionary<string, object?> { [name] = Encoding.UTF8.GetBytes(value) });
        Assert.StartsWith(unreadable, delivery.Unreadable, StringComparison.Ordinal);
        IDictionary<string, object?> carried = TaskCodec.WriteDead(delivery.Message, new AttemptEnd("unreadable", null, null, Now), null).Headers!;
        if (name is "wq-then" or "wq-previous")
        {
            Assert.Equal(value, carried[name]);
        }

        Assert.Equal((0, 0), (ChainCodec.StepsOrNone(delivery.Message.Chain!.Then).Count, ChainCodec.Shown(delivery.Message.Chain)!.Previous.Count));
    }

    [Fact]
    public void More_than_a_frame_bears_is_said_and_not_carried_on()
    {
        TaskDelivery delivery = Read(new Dictionary<string, object?> { ["wq-then"] = new string('x', ChainCodec.MaxThenBytes + 1), ["wq-previous"] = new string('x', 5) });
        Assert.Equal("header wq-then has 65537 bytes, and was not kept; at most 65536 travel with a task", delivery.Unreadable);
        Assert.Equal((null, "xxxxx"), (delivery.Message.Chain!.Then, delivery.Message.Chain.Previous));
    }

    [Fact]
    public void With_the_largest_chain_and_error_all_headers_fit_a_frame()
    {
        string payload = $"\"{new string('x', 1000)}\"";
        string then = StepCodec.ArrayOf(Enumerable.Repeat($$"""{"type":"a","payload":{{payload}}}""", 63))!;
        ChainLink full = new(new string('i', 255), 1000, then, StepCodec.ArrayOf([$"\"{new string('x', ChainCodec.MaxPreviousBytes - 4)}\""]));
        Dictionary<string, object?> sent = new() { ["wq-then"] = full.Then, ["wq-previous"] = full.Previous, ["tenant"] = new string('x', 15_000), ["more"] = new string('x', 2000) };
        TaskMessage message = Read(sent).Message;
        Assert.Empty(message.OtherHeaders);
        sent.Remove("more");
        message = Read(sent).Message with { RunOf = new string('i', 255), TraceParent = new string('t', 512), TraceState = new string('t', 512) };
        Assert.Single(message.OtherHeaders);
        string wide = new('漢', 5000);
        IDictionary<string, object?> headers = TaskCodec.WriteDead(message, new AttemptEnd(wide, wide, wide, Now), new AttemptRun("worker", Now)).Headers!;
        Assert.InRange(headers.Sum(header => 16 + header.Key.Length + (header.Value is string text ? Encoding.UTF8.GetByteCount(text) : 8)), 100_000, 128 * 1024 - 2048);
    }

    [Fact]
    public void An_event_has_no_chain()
    {
        TaskQueue subscription = new(new Subscription("s"), "wq", TimeSpan.FromMinutes(30));
        TaskDelivery delivery = TaskCodec.ReadEvent(1, false, new BasicProperties { Type = "orders", Headers = new Dictionary<string, object?> { ["wq-then"] = "[" } }, default, subscription, "orders");
        Assert.Equal((null, null), (delivery.Message.Chain, delivery.Unreadable));
    }

    [Fact]
    public void A_record_of_its_own_tells_the_types_alone_and_only_where_the_task_begins_to_wait()
    {
        Assert.Equal("""[{"type":"a"},{"type":"b"}]""", ChainCodec.Told(Link, moves: true)!.Then);
        Assert.Equal((null, null, 2), (ChainCodec.Told(Link, moves: false)!.Then, ChainCodec.Told(Link, moves: true)!.Previous, ChainCodec.Told(Link, moves: false)!.Place));
        Assert.Equal(["a", "b"], StepCodec.Read(ChainCodec.Told(Link, moves: true)!.Then).Select(step => step.Type));
        Assert.Null(ChainCodec.Told(Link with { Then = "[" }, moves: true)!.Then);
    }

    [Fact]
    public void The_results_grow_by_one_and_the_rest_shrinks_by_one()
    {
        Assert.Equal("[null]", ChainCodec.Append(null, default));
        Assert.Equal("""[{"pages":3},null,"é"]""", ChainCodec.Append(Link.Previous, "\"é\""u8.ToArray()));
        (NewTask step, string? rest) = StepCodec.Next(Link.Then!);
        Assert.Equal(("a", "default", """{"n":1}"""), (step.Type, step.Queue, Encoding.UTF8.GetString(step.Body.Span)));
        Assert.Equal("""[{"type":"b","payload":2}]""", rest);
        Assert.Null(StepCodec.Next(rest!).Left);
    }

    private static TaskMessage Message(ChainLink? chain) => new() { Id = "id", Type = "probe", Queue = "default", Body = "{}"u8.ToArray(), ContentType = "application/json", Chain = chain };

    private static TaskDelivery Read(IDictionary<string, object?> headers) =>
        TaskCodec.Read(1, false, new BasicProperties { MessageId = "id", Type = "probe", ContentType = "application/json", Headers = headers }, "{}"u8.ToArray(), Default);
}
