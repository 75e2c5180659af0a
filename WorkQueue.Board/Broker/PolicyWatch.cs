using Microsoft.Extensions.Diagnostics.HealthChecks;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Broker;

/// <summary>
/// Asks RabbitMQ's management API once a minute which policies work against our queues. Degraded, not unhealthy, where one does: this program does its
/// work, and starting it again would not help.
/// </summary>
internal sealed class PolicyWatch(ManagementClient management, QueuePolicies policies, TimeProvider clock, ILogger<PolicyWatch> logger) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    // The queues may have yet to be declared.
    private static readonly TimeSpan FirstInterval = TimeSpan.FromSeconds(5);
    private const int FirstRounds = 4;

    // What was true then may have been mended since.
    private static readonly TimeSpan MostSilent = TimeSpan.FromMinutes(5);

    private volatile IReadOnlyList<PolicyWarning> _warnings = [];
    private DateTimeOffset _answeredAt;

    /// <summary>What policies do to tasks; empty where nothing is known.</summary>
    public IReadOnlyList<PolicyWarning> Warnings => _warnings;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<string> harmful = PolicyWarning.Describe(_warnings.Where(warning => !warning.IsNote));
        return Task.FromResult(harmful.Count == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded(string.Join("; ", harmful)));
    }

    /// <summary>Asks now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        if (await management.PoliciesAsync(cancellationToken) is not { } applied)
        {
            // An API that does not answer for once has changed no policy.
            _warnings = clock.GetUtcNow() - _answeredAt < MostSilent ? _warnings : [];
            return;
        }

        _answeredAt = clock.GetUtcNow();

        IReadOnlyList<PolicyWarning> found = policies.Check(applied);
        foreach (string line in PolicyWarning.Describe(found).Except(PolicyWarning.Describe(_warnings)))
        {
            logger.PolicyHarms(line);
        }

        _warnings = found;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (management.Problem is { } problem)
        {
            logger.ManagementMisnamed(problem);
        }

        try
        {
            for (int round = 1; ; round++)
            {
                await RefreshAsync(stoppingToken);
                await Task.Delay(round < FirstRounds ? FirstInterval : Interval, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }
}
