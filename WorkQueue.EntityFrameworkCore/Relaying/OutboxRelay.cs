using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.EntityFrameworkCore.Diagnostics;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>Sends what waits in the outbox of a context: locks rows, sends them, and, when the broker has confirmed them, deletes them and commits. In this order a crash sends twice, and never loses.</summary>
internal sealed class OutboxRelay<TContext>(
    IServiceScopeFactory scopes, OutboxSender sender, Outbox<TContext> outbox, IOptions<WorkQueueOptions> queue, TimeProvider clock, ILogger<OutboxRelay<TContext>> logger) : BackgroundService
    where TContext : DbContext
{
    // After the broker or the database is back, nothing waits longer than this.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    // For all but the confirms.
    private static readonly TimeSpan Reserve = TimeSpan.FromSeconds(60);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
        OutboxTable.ForRelay(scope.ServiceProvider.GetRequiredService<TContext>());
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        int failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            Task next = outbox.Signal.Next;
            Round round = await TryRoundAsync(stoppingToken);
            failures = round == Round.Failed ? failures + 1 : 0;
            Task pause = round switch
            {
                Round.More => Task.CompletedTask,
                Round.Failed => Task.Delay(Backoff.Delay(failures, Random.Shared.NextDouble(), LongestPause), clock, stoppingToken),
                _ => next.WaitAsync(outbox.Options.PollInterval, clock, stoppingToken),
            };
            await pause.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Round> TryRoundAsync(CancellationToken stopping)
    {
        try
        {
            return await RunAsync(stopping);
        }
#pragma warning disable CA1031 // Whatever the database says: it is told, and tried again.
        catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            if (outbox.Relay.Fails(failure.Message, isDatabase: true))
            {
                logger.OutboxUnreadable(failure, Outbox<TContext>.Name);
            }

            return Round.Failed;
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
            return Round.Failed;
        }
    }

    private async Task<Round> RunAsync(CancellationToken stopping)
    {
        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
        TContext context = scope.ServiceProvider.GetRequiredService<TContext>();
        TaskOutboxOptions options = outbox.Options;
        TimeSpan confirm = queue.Value.ConfirmTimeout;
        // The last one of a sequence is begun, waits for its place, and for its confirm.
        await using OutboxBatch batch = await OutboxBatch.TakeAsync(context, OutboxTable.ForRelay(context), options.BatchSize, (3 * confirm) + Reserve, stopping);
        SendOutcome[] outcomes = batch.Rows.Count == 0 ? [] : await sender.SendAsync(batch.Rows, confirm);
        long[] sent = [.. batch.Rows.Where((_, index) => outcomes[index] is SendOutcome.Sent).Select(row => row.Id)];
        RefusedRow[] refused = [.. batch.Rows.Select((row, index) => outcomes[index] is SendOutcome.Refused refusal ? Refuse(row, refusal, options) : null).OfType<RefusedRow>()];
        await batch.EndAsync(sent, refused);
        if (outcomes.OfType<SendOutcome.Unavailable>().FirstOrDefault() is { } away)
        {
            if (outbox.Relay.Fails(away.Reason, isDatabase: false))
            {
                logger.OutboxWaits(Outbox<TContext>.Name, away.Reason);
            }

            return Round.Failed;
        }

        if (outbox.Relay.Works())
        {
            logger.OutboxWorks(Outbox<TContext>.Name);
        }

        return batch.Rows.Count == options.BatchSize ? Round.More : Round.Done;
    }

    private RefusedRow Refuse(OutboxRow row, SendOutcome.Refused refusal, TaskOutboxOptions options)
    {
        int attempts = row.Attempts + 1;
        if (refusal.IsFinal || (refusal.IsRule && attempts >= options.MaxAttempts))
        {
            logger.OutboxTaskSetAside(row.TaskId, row.Type, Outbox<TContext>.Name, attempts, refusal.Reason);
            return new RefusedRow(row.Id, attempts, refusal.Reason, null);
        }

        TimeSpan wait = Backoff.Delay(row.Attempts, Random.Shared.NextDouble(), options.MaxRetryDelay);
        logger.OutboxTaskRefused(row.TaskId, row.Type, Outbox<TContext>.Name, attempts, wait.TotalSeconds, refusal.Reason);
        return new RefusedRow(row.Id, attempts, refusal.Reason, wait);
    }

    private enum Round
    {
        Done,
        More,
        Failed,
    }
}
