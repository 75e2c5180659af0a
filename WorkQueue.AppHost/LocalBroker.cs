using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace WorkQueue.AppHost;

/// <summary>An installed rabbitmq-server as a resource: an executable that has a connection string.</summary>
internal sealed class LocalRabbitMQResource(string name, string folder, string user, string password)
    : ExecutableResource(name, "sh", folder), IResourceWithConnectionString
{
    public const string AmqpEndpoint = "amqp";
    public const string ManagementEndpoint = "management";

    private EndpointReference Amqp => new(this, AmqpEndpoint);

    public ReferenceExpression ConnectionStringExpression =>
        ReferenceExpression.Create($"amqp://{user}:{password}@{Amqp.Property(EndpointProperty.HostAndPort)}");
}

/// <summary>Runs local-broker.sh, which isolates the broker and says what each variable is for.</summary>
internal static class LocalBroker
{
    private const string User = "workqueue";
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(5);

    /// <summary>The rabbitmq-server that would run, or null.</summary>
    public static async Task<string?> FindServerAsync(IDistributedApplicationBuilder builder)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        (int exitCode, string output) = await Command.RunAsync("sh", [Script(builder), "--check"], CheckLimit);
        return exitCode == 0 ? output.Trim() : null;
    }

    public static IResourceBuilder<LocalRabbitMQResource> Add(IDistributedApplicationBuilder builder, string name, LocalBrokerFolder folder)
    {
        int[] ports = FreePorts(4);
        (int amqp, int management, int distribution, int nameService) = (ports[0], ports[1], ports[2], ports[3]);

        // Without a proxy in between, a broker that is down refuses connections, as it does in production.
        return builder.AddResource(new LocalRabbitMQResource(name, folder.Path, User, folder.Password))
            .WithArgs(Script(builder))
            .WithEndpoint(port: amqp, targetPort: amqp, scheme: "tcp", name: LocalRabbitMQResource.AmqpEndpoint, isProxied: false)
            .WithEndpoint(port: management, targetPort: management, scheme: "http", name: LocalRabbitMQResource.ManagementEndpoint, isProxied: false)
            .WithEnvironment("WORKQUEUE_BROKER_DIR", folder.Path)
            .WithEnvironment("WORKQUEUE_BROKER_USER", User)
            .WithEnvironment("WORKQUEUE_BROKER_PASSWORD", folder.Password)
            .WithEnvironment("WORKQUEUE_BROKER_MANAGEMENT_PORT", Text(management))
            .WithEnvironment("WORKQUEUE_BROKER_CONSUMER_TIMEOUT", ConsumerTimeout(builder))
            .WithEnvironment("RABBITMQ_NODE_PORT", Text(amqp))
            .WithEnvironment("RABBITMQ_DIST_PORT", Text(distribution))
            .WithEnvironment("ERL_EPMD_PORT", Text(nameService));
    }

    // Below RabbitMQ 3.12 the limit is the broker's alone, so it follows the setting; a value that is none is reported by those who read it.
    private static string ConsumerTimeout(IDistributedApplicationBuilder builder) =>
        TimeSpan.TryParse(builder.Configuration["WorkQueue:BrokerConsumerTimeout"], CultureInfo.InvariantCulture, out TimeSpan limit) && limit > TimeSpan.Zero
            ? limit.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)
            : "";

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private static string Script(IDistributedApplicationBuilder builder) => Path.Combine(builder.AppHostDirectory, "local-broker.sh");

    // From below the range that systems take the local ports of outgoing connections from: there a port could be gone when
    // the broker is started again, or a client that tries to reconnect could meet itself.
    private static int[] FreePorts(int count)
    {
        List<TcpListener> listeners = [];
        try
        {
            while (listeners.Count < count)
            {
                TcpListener listener = new(IPAddress.Loopback, Random.Shared.Next(15_200, 32_000)) { ExclusiveAddressUse = true };
                try
                {
                    listener.Start();
                    listeners.Add(listener);
                }
                catch (SocketException)
                {
                    listener.Dispose(); // In use: another one.
                }
            }

            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }
}
