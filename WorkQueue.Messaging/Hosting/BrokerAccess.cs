using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Hosting;

/// <summary>How the broker is reached.</summary>
/// <param name="Factory">Makes the connections; it belongs to this library alone.</param>
/// <param name="Endpoints">The nodes.</param>
internal sealed record BrokerAccess(ConnectionFactory Factory, IReadOnlyList<AmqpTcpEndpoint> Endpoints)
{
    // The most that any RabbitMQ can hold. A larger message than the client takes would end the connection each time it is delivered.
    private const uint LargestBody = 512 * 1024 * 1024;

    /// <summary>From what is registered and set.</summary>
    public static BrokerAccess Of(IServiceProvider provider)
    {
        WorkQueueOptions options = provider.GetRequiredService<IOptions<WorkQueueOptions>>().Value;
        BrokerAddress? address = BrokerAddress.Of(provider.GetService<IConfiguration>());
        // Several hosts are understood here alone.
        ConnectionFactory? registered = address is { Hosts.Count: > 1 } ? null : Registered(provider);
        // Without any of them the client's own default applies: guest on this machine.
        ConnectionFactory factory = registered is null ? new ConnectionFactory { Uri = new Uri(address?.First ?? "amqp://localhost") } : CopyOf(registered);
        factory.AutomaticRecoveryEnabled = false;
        factory.TopologyRecoveryEnabled = false;
        // The client takes up to four of its intervals to notice a silence; the setting promises three.
        factory.RequestedHeartbeat = TimeSpan.FromSeconds(Math.Max(1, Math.Floor(options.Heartbeat.TotalSeconds * 3 / 4)));
        factory.MaxInboundMessageBodySize = LargestBody;
        TlsSettings.Apply(options.Tls, factory.Ssl);
        factory.Ssl.ServerName = options.Tls.ServerName ?? factory.Ssl.ServerName;
        address = registered is null ? address : null;
        return new BrokerAccess(factory, address?.Endpoints(factory.Ssl, options.Tls.ServerName) ?? [new AmqpTcpEndpoint(factory.HostName, factory.Port, factory.Ssl)]);
    }

    private static ConnectionFactory? Registered(IServiceProvider provider) => provider.GetService<IConnectionFactory>() switch
    {
        null => null,
        ConnectionFactory factory => factory,
        { } other => throw new InvalidOperationException(
            $"The IConnectionFactory that is registered is a {other.GetType()}; a RabbitMQ.Client.ConnectionFactory is needed, whose settings can be copied. Register one, or give the connection string '{HostingExtensions.ConnectionName}' and none."),
    };

    // The program may use its own for connections of its own, which are to be as it has set them.
    private static ConnectionFactory CopyOf(ConnectionFactory given) => new()
    {
        HostName = given.HostName,
        Port = given.Port,
        VirtualHost = given.VirtualHost,
        UserName = given.UserName,
        Password = given.Password,
        CredentialsProvider = given.CredentialsProvider,
        AuthMechanisms = given.AuthMechanisms,
        ClientProperties = given.ClientProperties,
        RequestedChannelMax = given.RequestedChannelMax,
        RequestedFrameMax = given.RequestedFrameMax,
        RequestedConnectionTimeout = given.RequestedConnectionTimeout,
        SocketReadTimeout = given.SocketReadTimeout,
        SocketWriteTimeout = given.SocketWriteTimeout,
        ContinuationTimeout = given.ContinuationTimeout,
        HandshakeContinuationTimeout = given.HandshakeContinuationTimeout,
        Ssl = new SslOption(given.Ssl.ServerName, given.Ssl.CertPath, given.Ssl.Enabled)
        {
            AcceptablePolicyErrors = given.Ssl.AcceptablePolicyErrors,
            CertPassphrase = given.Ssl.CertPassphrase,
            Certs = given.Ssl.Certs,
            CertificateSelectionCallback = given.Ssl.CertificateSelectionCallback,
            CertificateValidationCallback = given.Ssl.CertificateValidationCallback,
            CheckCertificateRevocation = given.Ssl.CheckCertificateRevocation,
            Version = given.Ssl.Version,
        },
    };
}
