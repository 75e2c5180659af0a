using System.Text;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Tests.Unit;

/// <summary>What is said against a broker when it answers.</summary>
public sealed class ConnectorTests
{
    [Theory]
    [InlineData("3.10.8", 3)]
    [InlineData("3.13.7", 2)]
    public void A_cluster_of_a_version_that_loses_confirmed_messages_is_named(string version, int nodes) =>
        Assert.StartsWith($"RabbitMQ {version} on several nodes: ", Doubt(version, nodes), StringComparison.Ordinal);

    [Theory]
    [InlineData("3.10.8", 1)]
    [InlineData("4.0.5", 3)]
    [InlineData("4.3.0-rc.1", 3)]
    [InlineData(null, 3)]
    public void Others_are_not(string? version, int nodes) => Assert.Null(Doubt(version, nodes));

    private static string? Doubt(string? version, int nodes)
    {
        Connector connector = new(new ConnectionFactory(), [.. Enumerable.Range(0, nodes).Select(node => new AmqpTcpEndpoint($"node-{node}"))], "test", TimeProvider.System);
        return connector.Doubt(version is null ? null : new Dictionary<string, object?> { ["version"] = Encoding.ASCII.GetBytes(version) });
    }
}
