using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Hosting;

/// <summary>Keeps the connections open. Registered before the workers, so that it stops after them.</summary>
internal sealed class ConnectionService(
    [FromKeyedServices(ConnectionPurpose.Publish)] SupervisedConnection publishing,
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection consuming,
    TopologyDeclarer declarer,
    LeaderQueues leaderQueues,
    LeaderService leader,
    IOptions<WorkQueueOptions> options,
    IHostApplicationLifetime lifetime,
    ILogger<ConnectionService> logger,
    IConfiguration? configuration = null) : BackgroundService
{
    private int _refused;

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (string unknown in SettingsReader.UnknownIn(configuration))
        {
            logger.UnknownSetting(unknown);
        }

        return options.Value.DeclareOnly
            ? Task.WhenAll(KeepOpenAsync(publishing, stoppingToken), StopWhenDeclaredAsync(stoppingToken))
            : Task.WhenAll(KeepOpenAsync(publishing, stoppingToken), KeepOpenAsync(consuming, stoppingToken));
    }

    private async Task StopWhenDeclaredAsync(CancellationToken stopping)
    {
        Task declared = leader.TakesPart ? Task.WhenAll(declarer.Declared, leaderQueues.Declared) : declarer.Declared;
        await declared.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (declared.IsCompleted)
        {
            logger.Declared();
        }

        lifetime.StopApplication();
    }

    private async Task KeepOpenAsync(SupervisedConnection connection, CancellationToken stopping)
    {
        try
        {
            await connection.RunAsync(stopping);
        }
        catch (BrokerRefusedException refused)
        {
            // Both connections meet the same refusal; one message is enough.
            if (Interlocked.Exchange(ref _refused, 1) == 0)
            {
                logger.Refused(refused.Message);
                Environment.ExitCode = 1;
                lifetime.StopApplication();
            }
        }
    }
}
