using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unreadable;

namespace WorkQueue.Messaging.Hosting;

/// <summary>Adds the two connections of a process.</summary>
internal static class ConnectionRegistration
{
    public static void Add(IServiceCollection services)
    {
        services.TryAddSingleton(BrokerAccess.Of);
        foreach (string purpose in (string[])[ConnectionPurpose.Publish, ConnectionPurpose.Consume])
        {
            services.AddKeyedSingleton(purpose, (provider, _) => Supervise(provider, purpose));
        }
    }

    private static SupervisedConnection Supervise(IServiceProvider provider, string purpose)
    {
        BrokerAccess broker = provider.GetRequiredService<BrokerAccess>();
        ILogger logger = provider.GetRequiredService<ILogger<SupervisedConnection>>();
        TimeProvider clock = provider.GetRequiredService<TimeProvider>();
        UnreadableMessages? unreadable = purpose == ConnectionPurpose.Consume
            ? new UnreadableMessages(broker.Factory, broker.Endpoints, provider.GetRequiredService<TaskTopology>(), clock, logger)
            : null;
        string program = $"{provider.GetService<IHostEnvironment>()?.ApplicationName ?? AppDomain.CurrentDomain.FriendlyName} on {Environment.MachineName}:";
        return new SupervisedConnection(
            purpose,
            new Connector(broker.Factory, broker.Endpoints, $"{program} {purpose}", clock),
            new TopologyKeeper(provider.GetRequiredService<TopologyDeclarer>(), takesTurn: purpose == ConnectionPurpose.Publish, logger, clock),
            logger,
            clock,
            unreadable);
    }
}
