using System.Text;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Connections;

/// <summary>Opens connections to one of the nodes of a broker.</summary>
/// <param name="factory">The client's factory.</param>
/// <param name="endpoints">The nodes.</param>
/// <param name="name">What the broker shows of the connection.</param>
/// <param name="clock">The clock.</param>
internal sealed class Connector(IConnectionFactory factory, IReadOnlyList<AmqpTcpEndpoint> endpoints, string name, TimeProvider clock)
{
    /// <summary>
    /// Opens one. The nodes are tried one after the other, each with a limit of its own: the client waits for ever on a node that takes the connection
    /// and says nothing.
    /// </summary>
    public async Task<IConnection> ConnectAsync(CancellationToken stopping)
    {
        AmqpTcpEndpoint[] inTurn = [.. endpoints];
        Random.Shared.Shuffle(inTurn);
        TimeSpan limit = inTurn.Length == 1 ? Limits.Connect : Limits.ConnectToOne;
        List<Exception> failures = [];
        foreach (AmqpTcpEndpoint endpoint in inTurn)
        {
            try
            {
                return await Limits.OpenAsync(factory.CreateConnectionAsync([endpoint], name, CancellationToken.None), limit, clock, stopping);
            }
            catch (Exception failure) when (failure is TimeoutException or BrokerUnreachableException && !stopping.IsCancellationRequested)
            {
                failures.Add(failure);
            }
        }

        throw failures.Count == 1 ? failures[0] : new AggregateException(failures);
    }

    /// <summary>What is to be said against a broker that has answered, or null.</summary>
    /// <param name="properties">What it says it is, as <see cref="IConnection.ServerProperties"/>.</param>
    public string? Doubt(IDictionary<string, object?>? properties)
    {
        // Seen on 3.10.8 with the client alone, and not on 4.3 (docs/compatibility.md).
        return endpoints.Count > 1 && properties?.TryGetValue("version", out object? told) == true && told is byte[] text
            && Version.TryParse(Encoding.ASCII.GetString(text), out Version? version) && version.Major < 4
            ? $"RabbitMQ {version} on several nodes: when one of them is killed, quorum queues may lose tasks that were confirmed, as was seen on 3.10.8. Use RabbitMQ 4, or one node."
            : null;
    }

    /// <summary>The failure as one that trying again does not mend, or null.</summary>
    public BrokerRefusedException? Refusal(Exception failure) => BrokerRefusedException.From(failure, factory);

    /// <summary>What a failure that may pass is for a person.</summary>
    public static string Describe(Exception failure) => failure switch
    {
        AggregateException many => string.Join("; ", many.InnerExceptions.Select(Describe).Distinct()),
        BrokerUnreachableException { InnerException: { } inner } => inner.GetBaseException().Message,
        TimeoutException => "the broker does not answer",
        _ => failure.Message,
    };
}
