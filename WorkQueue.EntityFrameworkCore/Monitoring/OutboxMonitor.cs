using System.Data.Common;
using System.Diagnostics.Metrics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.EntityFrameworkCore.Diagnostics;
using WorkQueue.EntityFrameworkCore.Relaying;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.EntityFrameworkCore.Monitoring;

/// <summary>Counts what waits in the outbox of a context, every few seconds: for the metrics and for the health.</summary>
internal sealed class OutboxMonitor<TContext>(IServiceScopeFactory scopes, WorkQueueTelemetry telemetry, TimeProvider clock, ILogger<OutboxMonitor<TContext>> logger) : BackgroundService
    where TContext : DbContext
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly KeyValuePair<string, object?> _name = new("workqueue.outbox.context", Outbox<TContext>.Name);
    private volatile OutboxCount? _count;

    /// <summary>Counts now.</summary>
    /// <returns>The count; null where there could be none.</returns>
    public async Task<OutboxCount?> CurrentAsync(CancellationToken cancellationToken)
    {
        await CountAsync(cancellationToken);
        return _count;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        telemetry.Meter.CreateObservableGauge("workqueue.outbox.tasks", Tasks, "{task}", "Tasks in the outbox, by state.");
        telemetry.Meter.CreateObservableGauge("workqueue.outbox.oldest", Oldest, "s", "For how long the oldest task that waits in the outbox has waited.");
        await CountAsync(stoppingToken);
        await Supervision.EveryAsync(Interval, CountAsync, clock, stoppingToken);
    }

    private async Task CountAsync(CancellationToken stopping)
    {
        try
        {
            await using AsyncServiceScope scope = scopes.CreateAsyncScope();
            TContext context = scope.ServiceProvider.GetRequiredService<TContext>();
            await context.Database.OpenConnectionAsync(stopping);
            await using DbCommand count = context.Database.GetDbConnection().CreateCommand();
#pragma warning disable CA2100 // Names of the program's own model, quoted by its provider.
            count.CommandText = OutboxSql.Count(OutboxTable.ForRelay(context));
#pragma warning restore CA2100
            await using DbDataReader reader = await count.ExecuteReaderAsync(stopping);
            await reader.ReadAsync(stopping);
            _count = new OutboxCount(reader.GetInt64(0), reader.IsDBNull(1) ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Max(0, reader.GetDouble(1))), reader.GetInt64(2), reader.GetInt64(3));
        }
#pragma warning disable CA1031 // The relay tells what the database says; a count that cannot be had is left out.
        catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _count = null;
            logger.OutboxNotCounted(Outbox<TContext>.Name, failure.Message);
        }
    }

    private IEnumerable<Measurement<long>> Tasks() => _count is not { } count ? [] :
    [
        new(count.Waiting, _name, new("workqueue.outbox.state", "waiting")),
        new(count.SetAside, _name, new("workqueue.outbox.state", "set_aside")),
    ];

    private IEnumerable<Measurement<double>> Oldest() => _count is not { } count ? [] : [new(count.Oldest.TotalSeconds, _name)];
}

/// <summary>What is in an outbox.</summary>
/// <param name="Waiting">Tasks that are to be sent.</param>
/// <param name="Oldest">For how long the first of them has waited; 0 for none.</param>
/// <param name="Refused">Those of them that were not taken before.</param>
/// <param name="SetAside">Tasks that are not tried any more.</param>
internal sealed record OutboxCount(long Waiting, TimeSpan Oldest, long Refused, long SetAside);
