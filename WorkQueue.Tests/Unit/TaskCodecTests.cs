using System.Text;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class TaskCodecTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private static readonly TaskQueue Default = Queue("default", new QueueOptions { DefaultType = "simulate" });

    private static readonly TaskMessage Message = new()
    {
        Id = Guid.CreateVersion7().ToString(),
        Type = "render-pdf",
        Queue = "default",
        Body = "{}"u8.ToArray(),
        ContentType = "application/json",
        Attempt = 3,
        Redriven = 2,
        EnqueuedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        NotBefore = new DateTimeOffset(2026, 1, 2, 3, 4, 6, 789, TimeSpan.Zero),
        Deadline = new DateTimeOffset(2027, 1, 2, 3, 4, 6, 1, TimeSpan.Zero),
        CorrelationId = "c",
        ReplyTo = "r",
        TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        TraceState = "a=b",
        OtherHeaders = new Dictionary<string, object?> { ["tenant"] = "blue" },
    };

    [Fact]
    public void What_is_written_is_read_back()
    {
        TaskDelivery delivery = Read(TaskCodec.Write(Message, Now), Message.Body);
        Assert.Null(delivery.Unreadable);
        Assert.Equal(Message with { OtherHeaders = delivery.Message.OtherHeaders, SentAt = Now }, delivery.Message);
        Assert.Equal("blue", delivery.Message.OtherHeaders["tenant"]);
    }

    [Fact]
    public void A_header_that_not_every_queue_and_stream_takes_is_carried_on_as_a_text()
    {
        Dictionary<string, object?> headers = new()
        {
            ["decimal"] = 1.50m,
            ["table"] = new Dictionary<string, object?> { ["a"] = "b"u8.ToArray(), ["n"] = double.NaN },
            ["list"] = new List<object?> { 1, null, "x"u8.ToArray() },
            ["binary"] = new BinaryTableValue([1, 2]),
            ["int"] = 5,
            ["text"] = "x"u8.ToArray(),
            ["none"] = null,
        };
        IReadOnlyDictionary<string, object?> carried = Read(new BasicProperties { Headers = headers }, default).Message.OtherHeaders;
        Assert.Equal(("1.50", """{"a":"b","n":"NaN"}""", """[1,null,"x"]"""), (carried["decimal"], carried["table"], carried["list"]));
        Assert.Equal([1, 2], Assert.IsType<byte[]>(carried["binary"]));
        Assert.Equal((5, null), (carried["int"], carried["none"]));
        Assert.Equal("x"u8.ToArray(), carried["text"]);
    }

    [Fact]
    public void A_table_that_is_nested_too_deeply_makes_nothing_unreadable()
    {
        object nested = 1;
        for (int depth = 0; depth < 100; depth++)
        {
            nested = new Dictionary<string, object?> { ["x"] = nested };
        }

        TaskDelivery delivery = Read(new BasicProperties { Headers = new Dictionary<string, object?> { ["deep"] = nested } }, default);
        Assert.Null(delivery.Unreadable);
        Assert.Equal("(nested too deeply)", delivery.Message.OtherHeaders["deep"]);
    }

    [Fact]
    public void A_task_is_always_persistent() => Assert.True(TaskCodec.Write(Message, Now).Persistent);

    [Fact]
    public void Each_publish_gets_properties_and_headers_of_its_own() =>
        Assert.NotSame(TaskCodec.Write(Message, Now).Headers, TaskCodec.Write(Message, Now).Headers);

    [Fact]
    public void A_bare_message_of_a_plain_client_is_the_first_attempt_of_a_simulate_task()
    {
        TaskMessage message = Read(new BasicProperties(), Encoding.UTF8.GetBytes("Hello...")).Message;
        Assert.Equal(("simulate", "text/plain", 1), (message.Type, message.ContentType, message.Attempt));
        Assert.NotEmpty(message.Id);
    }

    [Fact]
    public void A_plain_client_that_names_a_type_but_no_content_type_sends_JSON() =>
        Assert.Equal("application/json", Read(new BasicProperties { Type = "render-pdf" }, default).Message.ContentType);

    [Fact]
    public void A_message_without_type_in_a_queue_without_default_type_is_unreadable()
    {
        TaskDelivery delivery = TaskCodec.Read(1, false, new BasicProperties(), default, Queue("other", new QueueOptions()));
        Assert.Equal("the message has no type, and queue 'other' has no DefaultType (WorkQueue:Queues:other:DefaultType)", delivery.Unreadable);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("soon")]
    [InlineData("99999999999999999999")]
    public void An_attempt_that_is_no_positive_integer_is_unreadable_and_named(string attempt)
    {
        TaskDelivery delivery = Read(new BasicProperties { Headers = new Dictionary<string, object?> { ["wq-attempt"] = Encoding.UTF8.GetBytes(attempt) } }, default);
        Assert.Equal($"header wq-attempt is not a positive integer: '{attempt}'", delivery.Unreadable);
        Assert.Equal(1, delivery.Message.Attempt);
    }

    [Fact]
    public void A_deadline_that_is_no_time_is_unreadable_because_ignoring_it_would_run_the_task_too_late() =>
        Assert.Contains("wq-deadline", Read(new BasicProperties { Headers = new Dictionary<string, object?> { ["wq-deadline"] = "tomorrow"u8.ToArray() } }, default).Unreadable, StringComparison.Ordinal);

    [Fact]
    public void Headers_the_broker_set_for_one_hop_are_not_carried_on()
    {
        BasicProperties properties = TaskCodec.Write(Message, Now);
        foreach (string name in (string[])["x-death", "x-first-death-queue", "x-last-death-reason", "x-delivery-count", "x-acquired-count", "CC", "BCC"])
        {
            properties.Headers![name] = 1;
        }

        TaskDelivery delivery = Read(properties, default);
        Assert.Equal(["tenant"], delivery.Message.OtherHeaders.Keys);
        Assert.Equal(1, delivery.EarlierDeliveries);
    }

    [Fact]
    public void More_foreign_headers_than_fit_a_frame_with_ours_are_left_behind()
    {
        BasicProperties properties = TaskCodec.Write(Message, Now);
        properties.Headers!["large"] = new byte[33 * 1024];
        Assert.Empty(Read(properties, default).Message.OtherHeaders);
    }

    [Fact]
    public void A_dead_letter_tells_why_with_its_texts_cut()
    {
        DateTimeOffset at = new(2026, 5, 6, 7, 8, 9, TimeSpan.Zero);
        BasicProperties properties = TaskCodec.WriteDead(Message, new AttemptEnd("why", "Some.Error", new string('e', 5000), at), null);
        Assert.Equal(("why", "Some.Error", 1000), (properties.Headers!["wq-reason"], properties.Headers["wq-error-type"], ((string)properties.Headers["wq-error"]!).Length));
        Assert.Equal("2026-05-06T07:08:09.0000000Z", properties.Headers["wq-dead-at"]);
    }

    [Fact]
    public void A_timestamp_from_another_age_does_not_break_the_reading() =>
        Assert.Null(Read(new BasicProperties { Timestamp = new AmqpTimestamp(long.MaxValue) }, default).Message.EnqueuedAt);

    [Fact]
    public void A_task_id_tells_the_millisecond_it_was_made()
    {
        DateTimeOffset made = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);
        Assert.Equal(made, TaskIds.CreatedAt(Guid.CreateVersion7(made).ToString()));
        Assert.Null(TaskIds.CreatedAt(Guid.NewGuid().ToString()));
        Assert.Null(TaskIds.CreatedAt("order-17"));
        Assert.Null(TaskIds.CreatedAt("ffffffff-ffff-7fff-bfff-ffffffffffff"));
    }

    private static TaskDelivery Read(BasicProperties properties, ReadOnlyMemory<byte> body) => TaskCodec.Read(1, false, properties, body, Default);

    private static TaskQueue Queue(string name, QueueOptions options) => new(name, "wq", options, TimeSpan.FromMinutes(30));
}
