using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Leading;

/// <summary>
/// Stands for election as long as this program runs, from the moment it has a reason to. Of all that do, the broker lets one lead: the active consumer of the
/// leader's queue. It learns of it by being given something; to have something to be given, each sends a token when it stands, and the leader keeps one
/// unacknowledged, which goes to the next when it is gone.
/// </summary>
internal sealed class LeaderService(
    [FromKeyedServices(ConnectionPurpose.Publish)] SupervisedConnection connection,
    IServiceProvider services,
    LeaderQueues queues,
    LeaderNeed need,
    LeaderLog log,
    IEnumerable<ILeaderDuty> duties,
    LeaderLimits limits,
    IOptions<WorkQueueOptions> options,
    TimeProvider clock,
    ILogger<LeaderService> logger,
    LeaderIntake? intake = null) : BackgroundService
{
    private readonly TimeSpan _renew = TimeSpan.FromTicks(Math.Min(TimeSpan.FromMinutes(5).Ticks, options.Value.BrokerConsumerTimeout.Ticks / 3));
    private readonly Backoff _backoff = new(clock, TimeSpan.FromSeconds(4));
    private string? _said;

    /// <summary>This program leads.</summary>
    public bool IsLeader { get; private set; }

    /// <summary>There is something to lead from the start on.</summary>
    public bool TakesPart { get; } = intake is not null || options.Value.Schedules.Count > 0 || (options.Value.DeclareOnly && TaskRate.IsIn(options.Value));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await (TakesPart ? Task.CompletedTask : need.Wanted.WaitAsync(stoppingToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stoppingToken.IsCancellationRequested)
        {
            return;
        }

        await (options.Value.DeclareOnly
            ? KeepAsync(DeclareAsync, _backoff, stoppingToken)
            : Task.WhenAll(KeepAsync(FollowAsync, new Backoff(clock, TimeSpan.FromSeconds(4)), stoppingToken), KeepAsync(LeadAsync, _backoff, stoppingToken)));
    }

    private Task KeepAsync(Func<CancellationToken, Task> work, Backoff backoff, CancellationToken stopping) => Supervision.KeepAsync(work, Say, backoff, stopping);

    // What stays as it is said once.
    private void Say(Exception? failure)
    {
        string reason = failure?.Message ?? "it ended";
        if (Interlocked.Exchange(ref _said, reason) != reason)
        {
            logger.LeadingEnded(reason);
        }
    }

    private async Task DeclareAsync(CancellationToken stopping)
    {
        await queues.DeclareAsync(connection, stopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, clock, stopping);
    }

    private async Task FollowAsync(CancellationToken stopping)
    {
        await queues.DeclareAsync(connection, stopping);
        await log.RunAsync(stopping);
    }

    private async Task LeadAsync(CancellationToken stopping)
    {
        await queues.DeclareAsync(connection, stopping);
        // Who leads goes on from what it has read.
        await log.Ready.WaitAsync(stopping);
        await using LeaderSession session = await LeaderSession.OpenAsync(connection, services, stopping);
        LeaderDelivery? next;
        do
        {
            // Again and again: a policy, or somebody who purges, may have dropped the one by which the next leader would learn that it is.
            await session.SendTokenAsync();
            next = await session.NextAsync(_renew, stopping);
        }
        while (next is null);

        LeaderTerm term = new(session, log, duties, limits, _renew, clock, logger);
        try
        {
            await term.BeginAsync(stopping);
            _backoff.Opened();
            _said = null;
            IsLeader = true;
            await term.LeadAsync(next, stopping);
        }
        finally
        {
            IsLeader = false;
        }
    }
}
