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

    private readonly ConfirmedRows _confirmed = new();
    private readonly QueuePauses _pauses = new(clock);

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
                logger.OutboxUnreadable(failure, outbox.Name);
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
        BatchLimits limits = new(options.BatchSize, (3 * confirm) + Reserve, _pauses.All, _pauses.Due);
        await using OutboxBatch batch = await OutboxBatch.TakeAsync(context, OutboxTable.ForRelay(context), limits, stopping);
        OutboxRow[] rows = [.. batch.Rows.Where(row => !_confirmed.Has(row))];
        long start = clock.GetTimestamp();
        SendOutcome[] outcomes = rows.Length == 0 ? [] : await sender.SendAsync(rows, confirm);
        _confirmed.Add([.. rows.Where((_, index) => outcomes[index] is SendOutcome.Sent)]);
        bool isBack = _pauses.Learn(rows, outcomes, clock.GetElapsedTime(start), options.MaxRetryDelay);
        await EndAsync(batch, [.. rows.Select((row, index) => outcomes[index] is SendOutcome.Refused refusal ? Refuse(row, refusal, options) : null).OfType<RefusedRow>()]);
        if (outcomes.OfType<SendOutcome.Unavailable>().FirstOrDefault() is { } away)
        {
            if (outbox.Relay.Fails(away.Reason, isDatabase: false))
            {
                logger.OutboxWaits(outbox.Name, away.Reason);
            }

            return Round.Failed;
        }

        if (outbox.Relay.Works())
        {
            logger.OutboxWorks(outbox.Name);
        }

        return batch.IsFull || isBack ? Round.More : Round.Done;
    }

    private async Task EndAsync(OutboxBatch batch, IReadOnlyList<RefusedRow> refused)
    {
        OutboxRow[] sent = [.. batch.Rows.Where(_confirmed.Has)];
        int deleted = await batch.EndAsync([.. sent.Select(row => row.Id)], refused);
        if (deleted < sent.Length)
        {
            throw new InvalidOperationException(
                $"of {sent.Length} tasks that were sent, {deleted} could be deleted; something in the database keeps the others, as a trigger that returns NULL. As long as this program runs it does not send them again");
        }

        _confirmed.Remove(sent);
    }

    private RefusedRow Refuse(OutboxRow row, SendOutcome.Refused refusal, TaskOutboxOptions options)
    {
        int attempts = row.Attempts + 1, ruleAttempts = row.RuleAttempts + (refusal.IsRule ? 1 : 0);
        if (refusal.IsFinal || (refusal.IsRule && ruleAttempts >= options.MaxAttempts))
        {
            logger.OutboxTaskSetAside(row.TaskId, row.Type, outbox.Name, attempts, refusal.Reason);
            return new RefusedRow(row.Id, attempts, ruleAttempts, refusal.Reason, null);
        }

        TimeSpan wait = Backoff.Delay(row.Attempts, Random.Shared.NextDouble(), options.MaxRetryDelay);
        logger.OutboxTaskRefused(row.TaskId, row.Type, outbox.Name, attempts, wait.TotalSeconds, refusal.Reason);
        return new RefusedRow(row.Id, attempts, ruleAttempts, refusal.Reason, wait);
    }

    private enum Round
    {
        Done,
        More,
        Failed,
    }
}
