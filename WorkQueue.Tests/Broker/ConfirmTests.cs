using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Each publish gets its own answer, whatever is published beside it.</summary>
[Collection(BrokerTests.Name)]
public sealed class ConfirmTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task What_no_queue_takes_comes_back_to_its_own_caller_among_many_that_are_confirmed()
    {
        await using TestQueue queue = new(broker, ("PublishWindow", "10"));
        IPublisher publisher = await PublisherAsync(queue);
        string exchange = await ByHeaderAsync(queue);
        PublishOutcome?[] outcomes = await ManyAsync(900, number => OutcomeAsync(publisher, ByHeader(exchange, $"{number}", isRouted: number % 3 != 1)));
        Assert.All(outcomes.Index(), outcome => Assert.Equal(outcome.Index % 3 == 1 ? PublishOutcome.Returned : null, outcome.Item));
        Assert.Equal(600u, await queue.ReadyAsync());
    }

    [BrokerTheory]
    [InlineData("one and the same")]
    [InlineData(null)]
    public async Task Of_several_that_nothing_tells_apart_none_is_told_of_a_confirm_that_was_another_s(string? id)
    {
        await using TestQueue queue = new(broker, ("PublishWindow", "10"));
        IPublisher publisher = await PublisherAsync(queue);
        string exchange = await ByHeaderAsync(queue);
        PublishOutcome?[] outcomes = await ManyAsync(300, number => OutcomeAsync(publisher, ByHeader(exchange, id, isRouted: number % 3 != 1)));
        Assert.All(outcomes.Index(), outcome => Assert.True(outcome.Item is PublishOutcome.Returned || (outcome.Index % 3 != 1 && outcome.Item is null)));
        // Some were told before they had come.
        await Eventually.EqualAsync(200, async () => await queue.ReadyAsync(), "what is routed is there");
    }

    [BrokerFact]
    public async Task What_cannot_be_written_fails_and_whoever_is_told_of_a_confirm_has_a_message_in_the_queue()
    {
        await using TestQueue queue = new(broker);
        IPublisher publisher = await PublisherAsync(queue);
        for (int round = 0; round < 10; round++)
        {
            uint before = await queue.ReadyAsync();
            PublishOutcome?[] outcomes = await ManyAsync(60, number =>
            {
                OutgoingMessage message = Message($"{queue.Prefix}.default", $"{number}");
                // Of no type that AMQP has.
                message.Properties.Headers = number == 30 ? new Dictionary<string, object?> { ["bad"] = new object() } : null;
                return OutcomeAsync(publisher, message);
            });
            Assert.Equal(PublishOutcome.Unknown, outcomes[30]);
            // What was written before it is answered, and nothing was written after it.
            Assert.Equal((uint)outcomes.Count(outcome => outcome is null), await queue.ReadyAsync() - before);
        }
    }

    [BrokerFact]
    public async Task When_its_exchange_is_gone_everything_unanswered_is_unknown_and_the_next_one_is_confirmed()
    {
        await using TestQueue queue = new(broker);
        IPublisher publisher = await PublisherAsync(queue);
        PublishOutcome?[] outcomes = await Task.WhenAll(Enumerable.Range(0, 60).Select(number =>
            OutcomeAsync(publisher, Message($"{queue.Prefix}.default", $"{number}") with { Exchange = number == 30 ? $"{queue.Prefix}.gone" : "" })));
        Assert.Equal(PublishOutcome.Unknown, outcomes[30]);
        Assert.All(outcomes, outcome => Assert.True(outcome is null or PublishOutcome.Unknown or PublishOutcome.Unavailable));
        Assert.InRange(await queue.ReadyAsync(), (uint)outcomes.Count(outcome => outcome is null), 59u);
        await Eventually.TrueAsync(async () => await OutcomeAsync(publisher, Message($"{queue.Prefix}.default", "next")) is null, "it publishes again");
    }

    private static async Task<IPublisher> PublisherAsync(TestQueue queue)
    {
        await (await queue.ProducerAsync()).ProbeAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueuePurgeAsync($"{queue.Prefix}.default");
        return queue.Last.Services.GetRequiredService<IPublisher>();
    }

    // Side by side: whoever comes while another writes leaves his message to that one.
    private static async Task<PublishOutcome?[]> ManyAsync(int count, Func<int, Task<PublishOutcome?>> publish)
    {
        PublishOutcome?[] outcomes = new PublishOutcome?[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = count }, async (number, _) => outcomes[number] = await publish(number));
        return outcomes;
    }

    // The same key for what is routed and for what is not.
    private static async Task<string> ByHeaderAsync(TestQueue queue)
    {
        string exchange = $"{queue.Prefix}.by-header";
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.ExchangeDeclareAsync(exchange, ExchangeType.Headers, durable: true, autoDelete: true);
        await plain.QueueBindAsync($"{queue.Prefix}.default", exchange, "", new Dictionary<string, object?> { ["x-match"] = "all", ["routed"] = true });
        return exchange;
    }

    private static OutgoingMessage ByHeader(string exchange, string? id, bool isRouted)
    {
        OutgoingMessage message = Message("any", id) with { Exchange = exchange };
        message.Properties.Headers = new Dictionary<string, object?> { ["routed"] = isRouted };
        return message;
    }

    private static async Task<PublishOutcome?> OutcomeAsync(IPublisher publisher, OutgoingMessage message)
    {
        try
        {
            await publisher.PublishAsync(message, TestEnvironment.Patience, CancellationToken.None);
            return null;
        }
        catch (PublishFailedException failure)
        {
            return failure.Outcome;
        }
    }

    private static OutgoingMessage Message(string queue, string? id) => new("", queue, "test", new BasicProperties { Persistent = true, MessageId = id }, "x"u8.ToArray());
}
