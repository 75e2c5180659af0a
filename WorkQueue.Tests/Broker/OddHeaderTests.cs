using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What other programs write into the headers of a task, and what becomes of it when it has to be moved.</summary>
[Collection(BrokerTests.Name)]
public sealed class OddHeaderTests(BrokerFixture broker)
{
    public static TheoryData<string> Kinds => [.. Values.Keys];

    // Every type that AMQP 0-9-1 has for a field, as the client writes it; NaN and infinity the broker refuses to whoever sends them.
    private static readonly Dictionary<string, object?> Values = new (string Kind, object? Value)[]
    {
        ("decimal", 1.50m), ("bool", true), ("sbyte", (sbyte)-1), ("byte", byte.MaxValue), ("short", short.MinValue), ("ushort", ushort.MaxValue), ("int", int.MinValue),
        ("uint", uint.MaxValue), ("long", long.MinValue), ("float", -1.5f), ("double", double.MaxValue), ("timestamp", new AmqpTimestamp(long.MaxValue)), ("null", null),
        ("text", new string('x', 1000)), ("bytes", new byte[] { 0xff, 0xfe }), ("binary", new BinaryTableValue([0, 1])),
        ("table", new Dictionary<string, object?> { ["a"] = 1.5m, ["b"] = new Dictionary<string, object?>() }), ("list", new List<object?> { 1, "x", 1.5m, new Dictionary<string, object?>() }),
    }.ToDictionary(odd => odd.Kind, odd => odd.Value);

    [BrokerTheory]
    [MemberData(nameof(Kinds))]
    public async Task A_failing_task_with_a_header_of_any_type_becomes_one_dead_letter_and_cuts_no_connection(string kind)
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"));
        await queue.ProducerAsync();
        await queue.WorkerAsync((text, _) => text == "odd" ? throw new InvalidOperationException("odd") : Task.FromResult<object?>(null));
        await using IChannel plain = await queue.PlainChannelAsync();
        // To the queue alone: through the exchange the broker itself would refuse some of them, to their sender.
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, Properties(("x-odd", Values[kind])), "\"odd\""u8.ToArray());
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, Properties(), "\"behind it\""u8.ToArray());

        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.Equal("failed 2 of 2 attempts", letter.Header("wq-reason"));
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "behind it"), "the task behind it runs");
        Assert.Equal(2, queue.Runs.All.Count(run => run.Text == "odd"));
        Assert.Equal(0u, await queue.ReadyAsync("default.dead"));
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
    }

    [BrokerTheory]
    [InlineData("text")]
    [InlineData("list")]
    public async Task What_the_broker_itself_dead_letters_says_why_whatever_deaths_its_sender_made_up(string kind)
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        BasicProperties properties = Properties(("x-death", kind == "text" ? "x" : new List<object?>()));
        properties.Expiration = "1";
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, properties, "\"odd\""u8.ToArray());
        await Eventually.EqualAsync(1, async () => await queue.ReadyAsync("default.dead"), "it has expired");
        Assert.Equal("dead-lettered by the broker: expired", Assert.Single(await queue.Last.Services.GetRequiredService<IDeadLetters>().ListAsync(new DeadLetterFilter())).Reason);
    }

    private static BasicProperties Properties(params (string Name, object? Value)[] headers) => new()
    {
        Persistent = true,
        Type = "probe",
        MessageId = Guid.NewGuid().ToString(),
        Headers = headers.ToDictionary(header => header.Name, header => header.Value),
    };
}
