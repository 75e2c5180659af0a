using System.Collections.Concurrent;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Support;

/// <summary>Prefixes whose delay ladder is there from an earlier test: most of what a broker has to make for a test are its 24 queues.</summary>
internal static class TestPrefixes
{
    private static readonly ConcurrentDictionary<string, ConcurrentBag<string>> Free = new(StringComparer.Ordinal);

    /// <summary>A prefix that nobody else has.</summary>
    public static string Take(BrokerFixture broker) =>
        broker.KeepsLadders && Free.TryGetValue(broker.ConnectionString, out ConcurrentBag<string>? free) && free.TryTake(out string? prefix) ? prefix : $"t{Guid.NewGuid():N}"[..12];

    /// <summary>Gives it back, when all but its ladder is deleted.</summary>
    public static void Return(BrokerFixture broker, string prefix) => Free.GetOrAdd(broker.ConnectionString, _ => []).Add(prefix);

    /// <summary>Whether another test can have the ladder: all of it is there, and nothing waits in it.</summary>
    public static async Task<bool> CanReturnAsync(BrokerFixture broker, IConnection connection, DelayLadder ladder)
    {
        if (!broker.KeepsLadders)
        {
            return false;
        }

        await using IChannel channel = await connection.CreateChannelAsync();
        try
        {
            // From the top, as what waits in it goes.
            for (int level = DelayLadder.Levels - 1; level >= 0; level--)
            {
                if (await channel.MessageCountAsync(ladder.Level(level)) > 0)
                {
                    return false;
                }
            }

            return true;
        }
        catch (OperationInterruptedException)
        {
            // A test that needed none, or has deleted it.
            return false;
        }
    }
}
