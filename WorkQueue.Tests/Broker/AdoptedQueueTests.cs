using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>A queue that has its own name and kind, shared with programs that know nothing of ours.</summary>
[Collection(BrokerTests.Name)]
public sealed class AdoptedQueueTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_plain_classic_queue_is_shared_in_both_directions_with_programs_that_declare_it_their_way()
    {
        string name = $"task_queue_{Guid.NewGuid():N}";
        await using TestQueue queue = Adopt(name);
        await using IChannel plain = await queue.PlainChannelAsync();
        await DeclareAsTutorialsDoAsync(plain, name);
        await plain.BasicPublishAsync("", name, mandatory: true, new BasicProperties { Persistent = true }, "First."u8.ToArray());

        await queue.WorkerAsync();
        Assert.Equal("probe", (await queue.Runs.NextAsync()).Type);
        Assert.Equal("First.", queue.Runs.All.Single().Text);

        // Theirs may be started after ours, too.
        await DeclareAsTutorialsDoAsync(plain, name);
        await queue.Last.StopAsync();
        await (await queue.ProducerAsync()).EnqueueAsync(NewTask.Text("Second..") with { Queue = "tutorial" });
        BasicGetResult theirs = (await plain.BasicGetAsync(name, autoAck: true))!;
        Assert.Equal("Second.."u8.ToArray(), theirs.Body.ToArray());
        Assert.True(theirs.BasicProperties.Persistent);
        await plain.QueueDeleteAsync(name);
    }

    [BrokerFact]
    public async Task A_type_nobody_handles_is_run_as_the_default_type_of_an_adopted_queue()
    {
        string name = $"task_queue_{Guid.NewGuid():N}";
        await using TestQueue queue = Adopt(name);
        await queue.ProducerAsync();
        await queue.WorkerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        // As aio-pika 8 writes the type of a message that has none.
        await plain.BasicPublishAsync("", name, mandatory: true, new BasicProperties { Persistent = true, Type = "None", ContentType = "text/plain" }, "Third..."u8.ToArray());
        Assert.Equal("None", (await queue.Runs.NextAsync()).Type);
        await queue.Last.StopAsync();
        await plain.QueueDeleteAsync(name);
    }

    [BrokerFact]
    public async Task Plain_messages_without_an_id_run_at_once_and_in_their_order()
    {
        const int Count = 200;
        string name = $"task_queue_{Guid.NewGuid():N}";
        await using TestQueue queue = Adopt(name);
        await using IChannel plain = await queue.PlainChannelAsync();
        await DeclareAsTutorialsDoAsync(plain, name);
        for (int number = 0; number < Count; number++)
        {
            await plain.BasicPublishAsync("", name, mandatory: true, new BasicProperties { Persistent = true }, Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
        }

        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= Count, "all have run");
        Assert.Equal(Enumerable.Range(0, Count).Select(number => number.ToString(CultureInfo.InvariantCulture)), queue.Runs.All.Select(run => run.Text));
        Assert.Equal(Count, queue.Runs.All.Select(run => run.Context.Id).Distinct().Count());
        await queue.Last.StopAsync();
        await plain.QueueDeleteAsync(name);
    }

    private TestQueue Adopt(string name) => new(
        broker, ("Queues:tutorial:Name", name), ("Queues:tutorial:Type", "classic"), ("Queues:tutorial:DefaultType", "probe"), ("Worker:Queues", "tutorial"));

    private static Task<QueueDeclareOk> DeclareAsTutorialsDoAsync(IChannel channel, string name) => channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false);
}
