using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

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
    LeaderLog log,
    IEnumerable<ILeaderDuty> duties,
    IOptions<WorkQueueOptions> options,
    TimeProvider clock,
    ILogger<LeaderService> logger) : BackgroundService
{
    // Entries after which all that matters is written anew; some kB each.
    private const long MostSinceWhole = 10_000;

    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(60);

    private readonly TaskCompletionSource _wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeSpan _renew = TimeSpan.FromTicks(Math.Min(TimeSpan.FromMinutes(5).Ticks, options.Value.BrokerConsumerTimeout.Ticks / 3));

    /// <summary>This program leads.</summary>
    public bool IsLeader { get; private set; }

    /// <summary>There is something to lead. A program that has none declares nothing for it, and consumes nothing.</summary>
    public void TakePart() => _wanted.TrySetResult();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _wanted.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stoppingToken.IsCancellationRequested)
        {
            await Task.WhenAll(KeepAsync(FollowAsync, stoppingToken), KeepAsync(LeadAsync, stoppingToken));
        }
    }

    private Task KeepAsync(Func<CancellationToken, Task> work, CancellationToken stopping) =>
        Supervision.KeepAsync(work, failure => logger.LeadingEnded(failure?.Message ?? "it ended"), new Backoff(clock, TimeSpan.FromSeconds(4)), stopping);

    private async Task FollowAsync(CancellationToken stopping)
    {
        await queues.DeclareAsync(connection, stopping);
        await log.RunAsync(stopping);
    }

    private async Task LeadAsync(CancellationToken stopping)
    {
        await queues.DeclareAsync(connection, stopping);
        await using LeaderSession session = await LeaderSession.OpenAsync(connection, services, stopping);
        await session.SendTokenAsync();
        LeaderDelivery? next = await session.NextAsync(null, stopping);
        try
        {
            await BeginAsync(session, stopping);
            IsLeader = true;
            await LeadAsync(session, next, stopping);
        }
        finally
        {
            IsLeader = false;
        }
    }

    private async Task LeadAsync(LeaderSession session, LeaderDelivery? next, CancellationToken stopping)
    {
        LeaderDelivery? token = null;
        long renewedAt = clock.GetTimestamp();
        while (true)
        {
            if (next is { Command.Kind: LeaderSession.Token })
            {
                // The newest is kept: of what is held for too long the broker closes the channel.
                await (token is null ? Task.CompletedTask : session.AckAsync(token));
                (token, renewedAt) = (next, clock.GetTimestamp());
            }
            else if (next is not null)
            {
                await ObeyAsync(session, next);
            }

            if (clock.GetElapsedTime(renewedAt) > _renew)
            {
                renewedAt = clock.GetTimestamp();
                await session.SendTokenAsync();
            }

            if (log.SinceWhole > MostSinceWhole)
            {
                await WriteAllAsync(session);
            }

            DateTimeOffset? due = await WorkAsync(session, stopping);
            stopping.ThrowIfCancellationRequested();
            next = await session.NextAsync(Shorter(_renew, due - clock.GetUtcNow()), stopping);
        }
    }

    // Nothing that the one before has written comes after this entry: its channel was gone before this program was given anything.
    private async Task BeginAsync(LeaderSession session, CancellationToken stopping)
    {
        string by = Guid.NewGuid().ToString("N");
        Task<string?> heard = log.ExpectAsync(by);
        try
        {
            await session.WriteAsync(new LeaderEntry(LeaderLog.Leads, default, by));
            await heard.WaitAsync(ReadLimit, clock, stopping);
        }
        finally
        {
            log.Unexpect(by);
        }

        foreach (ILeaderDuty duty in duties)
        {
            duty.Begin();
        }

        logger.Leads();
    }

    private async Task ObeyAsync(LeaderSession session, LeaderDelivery delivery)
    {
        string? refusal = null;
        foreach (ILeaderDuty duty in duties)
        {
            refusal ??= await duty.ObeyAsync(delivery.Command, session);
        }

        if (delivery.Command.By is not null)
        {
            await session.WriteAsync(new LeaderEntry(LeaderLog.Done, refusal is null ? default : System.Text.Encoding.UTF8.GetBytes(refusal), delivery.Command.By));
        }

        await session.AckAsync(delivery);
    }

    private async Task<DateTimeOffset?> WorkAsync(LeaderSession session, CancellationToken stopping)
    {
        DateTimeOffset? next = null;
        foreach (ILeaderDuty duty in duties)
        {
            DateTimeOffset? due = await duty.WorkAsync(session, stopping);
            next = next is null || due < next ? due ?? next : next;
        }

        return next;
    }

    private async Task WriteAllAsync(LeaderSession session)
    {
        foreach (ILeaderDuty duty in duties)
        {
            await duty.WriteAllAsync(session);
        }

        Task<string?> heard = log.ExpectAsync(LeaderLog.Whole);
        await session.WriteAsync(new LeaderEntry(LeaderLog.Whole, default, LeaderLog.Whole));
        await heard.WaitAsync(ReadLimit, clock);
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan? other)
    {
        TimeSpan shorter = other < one ? other.Value : one;
        return shorter > TimeSpan.Zero ? shorter : TimeSpan.Zero;
    }
}
