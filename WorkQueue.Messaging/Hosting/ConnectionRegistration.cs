using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unreadable;

namespace WorkQueue.Messaging.Hosting;

/// <summary>Makes the connections from the connection string and the settings.</summary>
internal static class ConnectionRegistration
{
    // The most that any RabbitMQ can hold. A larger message than the client takes would end the connection each time it is delivered.
    private const uint LargestBody = 512 * 1024 * 1024;

    /// <summary>Adds the two connections of a process.</summary>
    public static void Add(IHostApplicationBuilder builder)
    {
        IConfigurationSection section = builder.Configuration.GetSection(WorkQueueOptions.Section);
        TimeSpan heartbeat = section.GetValue<TimeSpan?>(nameof(WorkQueueOptions.Heartbeat)) ?? new WorkQueueOptions().Heartbeat;
        TlsOptions tls = section.GetSection(nameof(WorkQueueOptions.Tls)).Get<TlsOptions>() ?? new TlsOptions();
        // Without one the client's own default applies: guest on this machine.
        BrokerAddress address = BrokerAddress.Parse(builder.Configuration.GetConnectionString(HostingExtensions.ConnectionName) is { Length: > 0 } given ? given : "amqp://localhost");
        // Of Aspire's client only the configuration and the factory are used: connection, tracing and health check are our own.
        builder.AddRabbitMQClient(
            HostingExtensions.ConnectionName,
            settings =>
            {
                settings.ConnectionString = address.First;
                settings.DisableTracing = true;
                settings.DisableHealthChecks = true;
            },
            factory =>
            {
                factory.AutomaticRecoveryEnabled = false;
                factory.TopologyRecoveryEnabled = false;
                // The client takes up to four of its intervals to notice a silence; the setting promises three.
                factory.RequestedHeartbeat = TimeSpan.FromSeconds(Math.Max(1, Math.Floor(heartbeat.TotalSeconds * 3 / 4)));
                factory.MaxInboundMessageBodySize = LargestBody;
                TlsSettings.Apply(tls, factory.Ssl);
            });
        foreach (string purpose in (string[])[ConnectionPurpose.Publish, ConnectionPurpose.Consume])
        {
            builder.Services.AddKeyedSingleton(purpose, (provider, _) => Supervise(provider, purpose, address, tls));
        }
    }

    private static SupervisedConnection Supervise(IServiceProvider provider, string purpose, BrokerAddress address, TlsOptions tls)
    {
        IConnectionFactory factory = provider.GetRequiredService<IConnectionFactory>();
        IReadOnlyList<AmqpTcpEndpoint> endpoints = address.Endpoints((factory as ConnectionFactory)?.Ssl ?? new SslOption(), tls.ServerName);
        ILogger logger = provider.GetRequiredService<ILogger<SupervisedConnection>>();
        TimeProvider clock = provider.GetRequiredService<TimeProvider>();
        UnreadableMessages? unreadable = purpose == ConnectionPurpose.Consume
            ? new UnreadableMessages(factory, endpoints, provider.GetRequiredService<TaskTopology>(), clock, logger)
            : null;
        string program = $"{provider.GetRequiredService<IHostEnvironment>().ApplicationName} on {Environment.MachineName}:";
        return new SupervisedConnection(
            purpose,
            new Connector(factory, endpoints, $"{program} {purpose}", clock),
            new TopologyKeeper(provider.GetRequiredService<TopologyDeclarer>(), takesTurn: purpose == ConnectionPurpose.Publish, logger, clock),
            logger,
            clock,
            unreadable);
    }
}
