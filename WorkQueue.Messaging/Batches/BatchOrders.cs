using System.Globalization;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Batches;

/// <summary>What a leader is asked to do with a batch. Whatever is asked for twice is done once.</summary>
internal sealed class BatchOrders(WorkingBatches batches, TimeProvider clock)
{
    /// <summary>Batches there may be; all are written into the log again and again.</summary>
    public const int MostBatches = 1000;

    /// <summary>Members of all batches together that have not ended.</summary>
    public const int MostLive = 2_000_000;

    /// <summary>The key of what is enqueued all at once: again under the same id it is the same.</summary>
    public const string AllAtOnce = "all";

    /// <summary>What is said of tasks that were added by a key before.</summary>
    public const string IsFilled = "filled";

    private const string IsAgain = "again";

    private const int MostKeys = 10_000;

    public async Task<LeaderAnswer> ObeyAsync(string kind, BatchCommand asked, ILeaderSession session)
    {
        if (kind == BatchCommand.Open)
        {
            return Refused(await OpenAsync(asked, session));
        }

        if (batches.Find(asked.Id) is not { } batch)
        {
            return Refused(BatchRefusals.Unknown(asked.Id));
        }

        switch (kind)
        {
            case BatchCommand.Add when asked.Key is not null:
                return await AddAsync(batch, asked, asked.Key, session);
            case BatchCommand.Filled when asked.Key is not null && batch.Addition(asked.Key) is { IsFilled: false }:
                DateTimeOffset? closed = batch.Start.ClosesWhenFilled && asked.Key == AllAtOnce ? clock.GetUtcNow() : null;
                await WorkingBatches.ChangeAsync(batch, new BatchChange(batch.Id) { Filled = asked.Key, Out = asked.Out, ClosedAt = closed }, session);
                return default;
            case BatchCommand.Close when batch.ClosedAt is null || batch.CancelledAt is not null:
                return Refused(await CloseAsync(batch, session));
            case BatchCommand.Cancel when batch.CancelledAt is null:
                return Refused(await CancelAsync(batch, session));
            case BatchCommand.Filled or BatchCommand.Close or BatchCommand.Cancel:
                return default;
            default:
                return Refused(LeaderDuties.Unknown(new LeaderEntry(kind, default)));
        }
    }

    private async Task<string?> OpenAsync(BatchCommand asked, ILeaderSession session)
    {
        if (asked.Start is not { } start || TaskIds.CreatedAt(asked.Id) is null)
        {
            return BatchRefusals.Write(BatchRefusal.Malformed, LeaderDuties.Unreadable);
        }

        if (batches.Find(asked.Id) is not null)
        {
            return null;
        }

        if (batches.Count >= MostBatches)
        {
            if (batches.All.Where(batch => batch.IsFinal).MinBy(batch => batch.Start.OpenedAt) is not { } oldest)
            {
                return NotPossible($"There are {MostBatches} batches in which something can still change, and no more are possible: wait until some have ended, redrive or discard their dead letters, or cancel those that are not needed.");
            }

            await batches.RemoveAsync(oldest, session);
        }

        await batches.OpenAsync(asked.Id, start, session);
        return null;
    }

    private async Task<LeaderAnswer> AddAsync(BatchRecord batch, BatchCommand asked, string key, ILeaderSession session)
    {
        if (batch.Addition(key) is { } known)
        {
            return known.Count == asked.Count
                ? new LeaderAnswer(Text: string.Create(CultureInfo.InvariantCulture, $"{known.First} {(known.IsFilled ? IsFilled : IsAgain)}"))
                : Refused(NotPossible($"By the key '{key}' {known.Count} tasks were added before, and these are {asked.Count}: add other tasks by another key."));
        }

        int first = batch.Marks.Count;
        string? problem = batch switch
        {
            { CancelledAt: not null } => $"Batch '{batch.Id}' was cancelled: nothing can be added to it.",
            { HasEnded: true } => $"Batch '{batch.Id}' has ended: nothing can be added to it. A member adds others while it runs.",
            _ when asked.Count is < 1 or > BatchRecord.MostMembers || first + asked.Count > BatchRecord.MostMembers => $"Batch '{batch.Id}' has {first} members, and would have {first + (long)asked.Count}; a batch has at most {BatchRecord.MostMembers}.",
            _ when batches.All.Where(other => other is { HasEnded: false, CancelledAt: null }).Sum(other => (long)other.Marks.Count) + asked.Count > MostLive => $"All batches that have not ended may have {MostLive} members together: wait until some have.",
            _ when asked.IsNamed && batch.Keys >= MostKeys => $"Batch '{batch.Id}' has tasks of {MostKeys} keys, and no more are possible: add more tasks at once, or without a key.",
            _ => null,
        };
        if (problem is not null)
        {
            return Refused(NotPossible(problem));
        }

        await WorkingBatches.ChangeAsync(batch, new BatchChange(batch.Id) { Added = new BatchAddition(key, first, asked.Count, clock.GetUtcNow(), asked.IsNamed) }, session);
        return new LeaderAnswer(Text: first.ToString(CultureInfo.InvariantCulture));
    }

    private async Task<string?> CloseAsync(BatchRecord batch, ILeaderSession session)
    {
        if (batch.CancelledAt is not null)
        {
            return NotPossible($"Batch '{batch.Id}' was cancelled: it cannot be closed.");
        }

        // What is being added at the moment it waits for in any case, a member's own additions among it.
        if (batch.UnfilledProblem(clock.GetUtcNow()) is { } problem)
        {
            return NotPossible($"Batch '{batch.Id}' cannot be closed: {problem}.");
        }

        await WorkingBatches.ChangeAsync(batch, new BatchChange(batch.Id) { ClosedAt = clock.GetUtcNow() }, session);
        return null;
    }

    private async Task<string?> CancelAsync(BatchRecord batch, ILeaderSession session)
    {
        // One whose callback cannot be enqueued would be there for ever.
        if (batch.SucceededAt is not null || (batch.HasEnded && batch.Problem is null))
        {
            return NotPossible($"Batch '{batch.Id}' has ended, and cannot be cancelled.");
        }

        // The workers are told when this is written: who leads next goes on there.
        await WorkingBatches.ChangeAsync(batch, new BatchChange(batch.Id) { CancelledAt = clock.GetUtcNow() }, session);
        return null;
    }

    private static LeaderAnswer Refused(string? refusal) => new(Refusal: refusal);

    private static string NotPossible(string text) => BatchRefusals.Write(BatchRefusal.NotPossible, text);
}
