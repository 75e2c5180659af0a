using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class EventCodecTests
{
    private static readonly TaskTopology Topology = new(Options.Create(new WorkQueueOptions()));

    // Bytes that are no UTF-8 are read as a character each that takes three: the id is cut when it is written again.
    public static TheoryData<string, string?, object?> Odd => new()
    {
        { new string('\uFFFD', 255), "probe", null },
        { "id", new string('\uFFFD', 255), null },
        { "id", "probe", long.MaxValue },
        { "id", "probe", -1 },
        { "id", "probe", "two" },
    };

    [Theory]
    [MemberData(nameof(Odd))]
    public void The_history_reads_what_a_plain_client_sent_as_the_worker_does(string id, string? type, object? attempt)
    {
        BasicProperties properties = new() { MessageId = id, Type = type, Headers = new Dictionary<string, object?> { [TaskHeaders.Attempt] = attempt } };
        TaskMessage worker = TaskCodec.Read(1, false, properties, ReadOnlyMemory<byte>.Empty, Topology["default"]).Message;
        HistoryRecord history = EventCodec.Read(new StreamMessage(1, 1, Topology.TasksExchange, "default", properties, ReadOnlyMemory<byte>.Empty), Topology)!;
        Assert.Equal((worker.Id, worker.Type, worker.Attempt), (history.TaskId, history.Type, history.Attempt));
    }

    [Theory]
    [InlineData("batch:b:7", true)]
    [InlineData("key:b:7", false)]
    [InlineData("batch:b", false)]
    public void The_history_tells_which_batch_a_task_is_a_member_of(string endTold, bool isMember)
    {
        BasicProperties properties = new() { MessageId = "id", Type = "probe", Headers = new Dictionary<string, object?> { [TaskHeaders.EndTold] = endTold } };
        HistoryRecord history = EventCodec.Read(new StreamMessage(1, 1, Topology.TasksExchange, "default", properties, ReadOnlyMemory<byte>.Empty), Topology)!;
        Assert.Equal(isMember ? new BatchMember("b", 7) : null, history.Batch);
    }
}
