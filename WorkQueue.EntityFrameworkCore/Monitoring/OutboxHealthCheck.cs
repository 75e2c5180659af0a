using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using WorkQueue.EntityFrameworkCore.Relaying;

namespace WorkQueue.EntityFrameworkCore.Monitoring;

/// <summary>Degraded while tasks wait for the broker, were refused or are set aside: the program itself works, and loses nothing. Unhealthy without the database.</summary>
internal sealed class OutboxHealthCheck<TContext>(Outbox<TContext> outbox, OutboxMonitor<TContext> monitor, TimeProvider clock) : IHealthCheck
    where TContext : DbContext
{
    // Far longer than a task waits while all is well.
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (outbox.Relay.Problem is { IsDatabase: true } away)
        {
            return HealthCheckResult.Unhealthy(string.Create(CultureInfo.InvariantCulture, $"The outbox could not be read or written since {away.Since:u}: {away.Reason}"));
        }

        return Problems(outbox.Relay.Problem, await monitor.CurrentAsync(cancellationToken)) is { Length: > 0 } problems ? HealthCheckResult.Degraded(problems) : HealthCheckResult.Healthy();
    }

    private string Problems(RelayProblem? relay, Counted counted)
    {
        OutboxCount? count = counted.Count;
        CultureInfo invariant = CultureInfo.InvariantCulture;
        List<string> problems = [];
        string waiting = count is { Waiting: > 0 } ? string.Create(invariant, $"{OutboxCount.Text(count.Waiting)} task(s) wait in the outbox, the oldest since {clock.GetUtcNow() - count.Oldest:u}") : "The outbox cannot be sent";
        if (relay is not null)
        {
            problems.Add(string.Create(invariant, $"{waiting}; nothing was sent since {relay.Since:u}: {relay.Reason}"));
        }
        else if (count is { Waiting: > 0 } && count.Oldest > Late)
        {
            problems.Add($"{waiting}");
        }

        if (count is { Refused: > 0 })
        {
            problems.Add(string.Create(invariant, $"{OutboxCount.Text(count.Refused)} task(s) of the outbox were not taken, and are tried again: the column Error says why"));
        }

        if (count is { SetAside: > 0 })
        {
            problems.Add(string.Create(invariant, $"{OutboxCount.Text(count.SetAside)} task(s) of the outbox are set aside: correct what the column Error says and set SetAsideAt to null, or delete them"));
        }

        if (count is null)
        {
            problems.Add($"What waits in the outbox could not be counted: {counted.Problem}");
        }

        return string.Join("; ", problems);
    }
}
