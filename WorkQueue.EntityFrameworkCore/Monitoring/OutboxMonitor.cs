using System.Data.Common;
using System.Diagnostics.Metrics;
using System.Globalization;
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
internal sealed class OutboxMonitor<TContext>(
    IServiceScopeFactory scopes, Outbox<TContext> outbox, WorkQueueTelemetry telemetry, TimeProvider clock, ILogger<OutboxMonitor<TContext>> logger) : BackgroundService
    where TContext : DbContext
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly KeyValuePair<string, object?> _name = new("workqueue.outbox.context", outbox.Name);
    private readonly SemaphoreSlim _counting = new(1);
    private volatile Counted? _last;

    /// <summary>What was counted a few seconds ago at most: however often it is asked for, the database is not.</summary>
    public Task<Counted> CurrentAsync(CancellationToken cancellationToken) => CountAsync(Interval, cancellationToken);

    public override void Dispose()
    {
        _counting.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        telemetry.Meter.CreateObservableGauge("workqueue.outbox.tasks", Tasks, "{task}", "Tasks in the outbox, by state.");
        telemetry.Meter.CreateObservableGauge("workqueue.outbox.oldest", Oldest, "s", "For how long the oldest task that waits in the outbox has waited.");
        await CountAsync(TimeSpan.Zero, stoppingToken);
        await Supervision.EveryAsync(Interval, stopping => CountAsync(TimeSpan.Zero, stopping), clock, stoppingToken);
    }

    private async Task<Counted> CountAsync(TimeSpan unlessWithin, CancellationToken cancellationToken)
    {
        await _counting.WaitAsync(cancellationToken);
        try
        {
            return _last is { } last && clock.GetElapsedTime(last.At) < unlessWithin ? last : _last = await CountAsync(cancellationToken);
        }
        finally
        {
            _counting.Release();
        }
    }

    private async Task<Counted> CountAsync(CancellationToken stopping)
    {
        long now = clock.GetTimestamp();
        try
        {
            await using AsyncServiceScope scope = scopes.CreateAsyncScope();
            TContext context = scope.ServiceProvider.GetRequiredService<TContext>();
            await context.Database.OpenConnectionAsync(stopping);
            await using DbCommand count = context.Database.GetDbConnection().CreateCommand();
#pragma warning disable CA2100 // Names of the program's own model, quoted by its provider.
            count.CommandText = OutboxSql.Count(OutboxTable.ForRelay(context), OutboxCount.Most + 1);
#pragma warning restore CA2100
            await using DbDataReader reader = await count.ExecuteReaderAsync(stopping);
            await reader.ReadAsync(stopping);
            return new Counted(now, new OutboxCount(reader.GetInt64(0), reader.IsDBNull(1) ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Max(0, reader.GetDouble(1))), reader.GetInt64(2), reader.GetInt64(3)));
        }
#pragma warning disable CA1031 // The relay tells what the database says; a count that cannot be had is left out.
        catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            logger.OutboxNotCounted(outbox.Name, failure.Message);
            return new Counted(now, Problem: failure.Message);
        }
    }

    private IEnumerable<Measurement<long>> Tasks() => _last?.Count is not { } count ? [] :
    [
        new(count.Waiting, _name, new("workqueue.outbox.state", "waiting")),
        new(count.SetAside, _name, new("workqueue.outbox.state", "set_aside")),
    ];

    private IEnumerable<Measurement<double>> Oldest() => _last?.Count is not { } count ? [] : [new(count.Oldest.TotalSeconds, _name)];
}

/// <summary>What came of counting.</summary>
/// <param name="At">When it was begun.</param>
/// <param name="Count">What was counted.</param>
/// <param name="Problem">Or why it could not be.</param>
internal sealed record Counted(long At, OutboxCount? Count = null, string? Problem = null);

/// <summary>What is in an outbox; of nothing more than one above <see cref="Most"/> is counted.</summary>
/// <param name="Waiting">Tasks that are to be sent.</param>
/// <param name="Oldest">For how long the first of them has waited; 0 for none.</param>
/// <param name="Refused">Those of them that were not taken before.</param>
/// <param name="SetAside">Tasks that are not tried any more.</param>
internal sealed record OutboxCount(long Waiting, TimeSpan Oldest, long Refused, long SetAside)
{
    /// <summary>Counting more would go through the whole of a large table, which is when it has other things to do.</summary>
    public const int Most = 10_000;

    /// <summary>A number of it as a text.</summary>
    public static string Text(long number) => number <= Most ? number.ToString(CultureInfo.InvariantCulture) : "over 10,000";
}
