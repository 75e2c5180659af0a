using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>A queue that workers of another kind take from too.</summary>
[Collection(ManagedBrokerTests.Name)]
public sealed class ForeignWorkerTests(ManagedBroker broker)
{
    [OwnedBrokerFact]
    public async Task A_task_that_a_worker_took_who_reports_nothing_is_unknown()
    {
        string name = $"task_queue_{Guid.NewGuid():N}";
        await using TestQueue queue = broker.NewQueue(("Queues:tutorial:Name", name), ("Queues:tutorial:Type", "classic"), ("Queues:tutorial:DefaultType", "probe"));
        IHost host = await queue.StartAsync(builder =>
        {
            builder.Configuration["WorkQueue:ManagementUrl"] = broker.ManagementUrl;
            builder.Configuration["WorkQueue:Board:Store"] = ":memory:";
            builder.AddTaskQueue();
            builder.Services.AddTaskProjection();
        });
        ITaskQueue producer = await queue.ProducerAsync();
        TaskProjection board = host.Services.GetRequiredService<TaskProjection>();
        EnqueuedTask taken = await producer.EnqueueAsync(NewTask.Text("first") with { Queue = "tutorial" });
        await using IChannel theirs = await queue.PlainChannelAsync();
        await theirs.BasicGetAsync(name, autoAck: true);
        await Eventually.TrueAsync(() => board.Find(taken.Id)?.State == TaskState.Unknown, "it is unknown");
        Assert.Equal("taken by a worker that reports nothing", board.Find(taken.Id)!.Reason);
        // Counted anew with each word of the broker's, of which one may be of a moment before.
        await Eventually.TrueAsync(() => board.Counts() is { Pending: 0 } counts && counts[TaskState.Unknown] == 1, "it counts as unknown");
        await theirs.QueueDeleteAsync(name);
    }
}
