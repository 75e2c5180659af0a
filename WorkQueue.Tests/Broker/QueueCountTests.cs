using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>How full the queues are.</summary>
[Collection(BrokerTests.Name)]
public sealed class QueueCountTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_queue_that_cannot_be_counted_hides_no_other_and_lifts_no_others_limit()
    {
        string name = $"shared-{Guid.NewGuid():N}";
        await using TestQueue queue = new(
            broker, ("Queues:default:MaxLength", "3"), ("Queues:shared:Name", name), ("Queues:shared:Type", "classic"), ("Queues:shared:DefaultType", "probe"));
        ITaskQueue producer = await queue.ProducerAsync();
        IQueueCounts counts = queue.Last.Services.GetRequiredService<IQueueCounts>();
        await Eventually.TrueAsync(() => counts.Current.Count == 2, "both are counted");
        await using IChannel other = await queue.PlainChannelAsync();
        await other.QueueDeleteAsync(name);
        // Whoever asks for it now is refused: 405 RESOURCE_LOCKED.
        await Eventually.TrueAsync(async () => await TryTakeAsync(queue, name), "another program has it to itself");
        await queue.LoggedAsync($"Queue {name} cannot be counted");

        for (int task = 0; task < 3; task++)
        {
            await producer.ProbeAsync();
        }

        await Eventually.TrueAsync(() => counts.Current is [{ Queue: "default", Ready: 3 }], "the other is counted");
        TaskNotEnqueuedException full = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => producer.ProbeAsync());
        Assert.Equal(PublishOutcome.QueueFull, full.Outcome);
    }

    // It may have been declared again meanwhile.
    private static async Task<bool> TryTakeAsync(TestQueue queue, string name)
    {
        IChannel channel = await queue.PlainChannelAsync();
        try
        {
            await channel.QueueDeleteAsync(name);
            await channel.QueueDeclareAsync(name, durable: false, exclusive: true, autoDelete: false);
            return true;
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return false;
        }
    }
}
