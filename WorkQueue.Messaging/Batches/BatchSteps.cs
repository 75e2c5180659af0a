using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Batches;

/// <summary>
/// What is due of the batches: callbacks, the cancelling of members, to forget what is old. Each is done first and then written down: what a leader did not come to write, the next
/// one does again. A callback has an id made of its batch's: however often it is enqueued, it is one task.
/// </summary>
internal sealed class BatchSteps(WorkingBatches batches, ControlWriter control, WorkQueueTelemetry telemetry, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SayLimit = TimeSpan.FromSeconds(5);

    // Then the leader looks for what it is asked.
    private const int MostATurn = 256;

    private readonly ConcurrentDictionary<string, DateTimeOffset> _troubled = new(StringComparer.Ordinal);

    /// <summary>Another leads, or this one anew.</summary>
    public void Begin() => _troubled.Clear();

    /// <summary>Does it.</summary>
    /// <returns>When something is due next; null for never.</returns>
    public async Task<DateTimeOffset?> TakeAsync(ILeaderSession session, CancellationToken stopping)
    {
        DateTimeOffset now = clock.GetUtcNow();
        BatchRecord[] due = [.. batches.All.Where(batch => DueOf(batch) <= now).Take(MostATurn)];
        long start = clock.GetTimestamp();
        foreach (BatchRecord[] some in due.Chunk(WorkingBatches.AtOnce))
        {
            stopping.ThrowIfCancellationRequested();
            if (clock.GetElapsedTime(start) > LeaderDuties.Turn)
            {
                return now;
            }

            await Task.WhenAll(some.Select(batch => TakeAsync(batch, now, session)));
        }

        return due.Length == MostATurn ? now : batches.All.Min(DueOf);
    }

    private DateTimeOffset? DueOf(BatchRecord batch) =>
        batch.IsFinal ? batch.Expires
        : _troubled.TryGetValue(batch.Id, out DateTimeOffset again) ? again
        : batch switch
        {
            { CancelledAt: not null, StoppedAt: null } => DateTimeOffset.MinValue,
            { CancelledAt: null, HasEnded: true, CompletedAt: null } => DateTimeOffset.MinValue,
            { CancelledAt: null, HasSucceeded: true, SucceededAt: null } => DateTimeOffset.MinValue,
            _ => batch.Expires,
        };

    private async Task TakeAsync(BatchRecord batch, DateTimeOffset now, ILeaderSession session)
    {
        _troubled.TryRemove(batch.Id, out _);
        if (batch.Expires <= now)
        {
            await batches.RemoveAsync(batch, session);
        }
        else if (batch.CancelledAt is not null)
        {
            await StopMembersAsync(batch, session);
        }
        else if ((batch.CompletedAt is not null || await FollowAsync(batch, batch.Start.OnComplete, batch.OnCompleteId, new BatchChange(batch.Id) { CompletedAt = now, Problem = "" }, session)) && batch.HasSucceeded)
        {
            await FollowAsync(batch, batch.Start.OnSuccess, batch.OnSuccessId, new BatchChange(batch.Id) { SucceededAt = now, Problem = "" }, session);
        }
    }

    // Not cancellable: who stops in between leaves it to the next one to do it again.
    private async Task<bool> FollowAsync(BatchRecord batch, BatchTask? task, string id, BatchChange done, ILeaderSession session)
    {
        try
        {
            if (task is not null)
            {
                using Activity? origin = telemetry.StartFollowing("follow batch", batch.Start.TraceParent, batch.Start.TraceState);
                await session.Tasks.EnqueueAsync(task.ToTask(id), null, CancellationToken.None);
            }
        }
        catch (Exception failure) when (TaskRefusal.IsOfTheTask(failure))
        {
            // It may be possible when the programs are started that know its type, or its queue has room.
            await TroubleAsync(batch, failure.Message, session);
            return false;
        }

        await WorkingBatches.ChangeAsync(batch, done, session);
        logger.BatchEnded(batch.Id, batch.Marks.Total, done.SucceededAt is null ? "ended" : "succeeded");
        return true;
    }

    private async Task StopMembersAsync(BatchRecord batch, ILeaderSession session)
    {
        try
        {
            foreach (int[] numbers in batch.Marks.With(BatchMarks.MemberMark.Pending).Chunk(ControlEntry.MaxIds))
            {
                // Workers ask for id and redrives alone.
                ControlEntry entry = ControlEntry.Cancel(numbers.Select(number => new TaskToCancel(TaskBatch.IdOf(batch.Id, number), "", "", Attempt: 1, Redriven: 0, Running: true)));
                // Not on the leader's own channel, which a control log that does not confirm would end, again and again.
                await control.SayAsync(entry, CancellationToken.None, SayLimit);
            }
        }
        catch (BrokerUnavailableException failure)
        {
            await TroubleAsync(batch, $"its members could not be cancelled yet: {failure.Message}", session);
            return;
        }

        await WorkingBatches.ChangeAsync(batch, new BatchChange(batch.Id) { StoppedAt = clock.GetUtcNow(), Problem = "" }, session);
        logger.BatchCancelled(batch.Id, batch.Marks.Pending);
    }

    private async Task TroubleAsync(BatchRecord batch, string problem, ILeaderSession session)
    {
        _troubled[batch.Id] = clock.GetUtcNow() + TryAgain;
        if (batch.Problem != problem)
        {
            logger.BatchTroubled(batch.Id, problem);
            await WorkingBatches.ChangeAsync(batch, new BatchChange(batch.Id) { Problem = problem }, session);
        }
    }
}
