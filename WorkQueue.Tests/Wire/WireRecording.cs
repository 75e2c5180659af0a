using System.Text;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using WorkQueue.Messaging.Batches;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Unique;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Wire;

/// <summary>
/// Runs everything that sends a message on a broker whose firehose is listened to. With <c>WORKQUEUE_RECORD_WIRE=true</c> the messages become the files of the
/// present version; otherwise a message of each kind that is kept is still to be sent.
/// </summary>
public sealed class WireRecording
{
    // Sent once, by the program that begins to lead, which may be before the firehose is heard.
    private static readonly string[] Once = ["leader.leading"];

    private static bool Records => Environment.GetEnvironmentVariable("WORKQUEUE_RECORD_WIRE") == "true";

    [BrokerFact]
    public async Task Every_kind_of_message_that_is_kept_of_this_version_is_sent()
    {
        await using OwnedBroker broker = OwnedBroker.Create();
        await broker.StartAsync();
        BrokerFixture fixture = BrokerFixture.Of(broker);
        await using TestQueue queue = WireScenario.NewQueue(fixture);
        await using TestQueue silent = WireScenario.NewQueueWithoutPayloads(fixture);
        await using WireTap tap = await WireTap.StartAsync(broker, queue.Prefix, silent.Prefix);
        await new WireScenario(queue, silent).RunAsync();
        WireFolder folder = new(WireFolder.Present);
        string[] kept = Records ? [.. WireScenario.Last] : [.. folder.Kinds.Except(Rare.Select(message => message.Kind)).Except(Once)];
        foreach (string kind in kept)
        {
            await Eventually.TrueAsync(() => tap.Seen.Any(message => message.Kind == kind), $"a message of kind {kind} is sent");
        }

        if (Records)
        {
            foreach (WireMessage message in tap.Seen.Concat(Rare))
            {
                folder.Keep(message);
            }
        }
    }

    // What the leader writes a month after a batch has ended, and for a key whose task the leader before it had not enqueued.
    private static IEnumerable<WireMessage> Rare =>
    [
        Entry(BatchChange.Removed, new BatchChange("019a0000-0000-7000-8000-000000000001").Write()),
        Entry(UniqueEntries.Placed, []),
    ];

    private static WireMessage Entry(string kind, byte[] body)
    {
        OutgoingMessage message = LeaderSession.MessageOf("wq.leader.log", new LeaderEntry(kind, body, "019a0000000070008000000000000002", "leader"));
        BasicProperties written = message.Properties;
        JsonObject properties = new() { ["type"] = written.Type, ["content_type"] = written.ContentType, ["correlation_id"] = written.CorrelationId, ["app_id"] = written.AppId, ["message_id"] = written.MessageId, ["delivery_mode"] = 2 };
        return new WireMessage("", message.RoutingKey, properties, [], Encoding.UTF8.GetString(message.Body.Span));
    }
}
