using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Unique;

/// <summary>Enqueues a task if its key is free, or as its rule says. Nothing here can be cancelled: who stops in between leaves it to the next leader.</summary>
internal sealed class UniquePlacing(UniqueKeys keys, TaskTopology topology, ICancelledTasks cancelled, ControlWriter control, ILeaderSession session, TimeProvider clock, ILogger logger)
{
    // Nobody waits for it but this: what is not told to drop the earlier version runs that, too.
    private static readonly TimeSpan SupersedeLimit = TimeSpan.FromSeconds(5);

    public async Task<LeaderAnswer> EnqueueAsync(UniqueCommand asked, string? by)
    {
        DateTimeOffset now = clock.GetUtcNow();
        UniqueClaim? held = keys.Find(asked.Scope, now);
        if (held is not null && held.By == by)
        {
            // The same command again, from a leader that did not come to acknowledge it.
            return held.Placing is null ? AnswerOf(held, held.Replaces) : await PlaceAsync(held, again: true);
        }

        try
        {
            // It was cancelled, and no worker has come to say so.
            held = held is { IsTimed: false } && await cancelled.NextRedrivenAsync(held.TaskId, CancellationToken.None) > held.Version ? null : held;
            if (held is not null && (asked.Then == UniqueRule.Skip || held.IsTimed))
            {
                return AnswerOf(held, existing: true);
            }

            if (held is null && keys.Count >= UniqueTasks.MostKeys)
            {
                return Refused(PublishOutcome.QueueFull, asked.Task.Id, $"{UniqueTasks.MostKeys} keys are held, and no more are possible; nothing was sent.");
            }

            UniqueClaim claim = held is null
                // An id that was cancelled before is meant to run now.
                ? UniqueClaim.Of(asked, await cancelled.NextRedrivenAsync(asked.Task.Id, CancellationToken.None), by, now)
                : held.ReplacedBy(asked, by, now);
            await session.WriteAsync(new LeaderEntry(UniqueEntries.Held, UniqueEntries.Write(claim), by));
            keys.Set(claim);
            return await PlaceAsync(claim, again: false, held);
        }
        catch (TimeoutException unread)
        {
            return Refused(PublishOutcome.Unavailable, asked.Task.Id, $"What was cancelled could not be read yet; nothing was sent: {unread.Message}");
        }
    }

    /// <summary>Enqueues the task of a key that is held.</summary>
    /// <param name="claim">The key.</param>
    /// <param name="again">It may have been enqueued before: then the key is not given back where the broker does not take it.</param>
    /// <param name="before">Who held it before, and then holds it again.</param>
    public async Task<LeaderAnswer> PlaceAsync(UniqueClaim claim, bool again, UniqueClaim? before = null)
    {
        UniqueTask task = claim.Placing!;
        try
        {
            if (topology.Find(task.Queue) is not { IsSubscription: false })
            {
                throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"The program that leads has no such queue. {topology.UnknownQueue(task.Queue)}");
            }

            await session.Tasks.EnqueueAsync(task.ToMessage(), null, CancellationToken.None);
        }
        catch (Exception failure) when (TaskRefusal.IsOfTheTask(failure))
        {
            if (again)
            {
                return Refused(PublishOutcome.Unavailable, claim.TaskId, $"Whether it was enqueued before could not be told, and now it is not taken; it is tried again. {failure.Message}");
            }

            // The key stays with one that may be there, and the leader sees to it again.
            await (TaskRefusal.IsUnsure(failure) ? Task.CompletedTask : GiveBackAsync(claim, before));
            return new LeaderAnswer(Refusal: TaskRefusal.Of(failure));
        }

        if (claim.Replaces)
        {
            // Not before the newer one is there: neither would be left where that is refused.
            await SupersedeAsync(claim);
        }

        keys.Placed(claim);
        return AnswerOf(claim, claim.Replaces);
    }

    // Not on the leader's own channel, which a control log that does not confirm would end, again and again.
    private async Task SupersedeAsync(UniqueClaim claim)
    {
        try
        {
            await control.SayAsync(ControlEntry.Supersede(claim.TaskId, claim.Version - 1), CancellationToken.None, SupersedeLimit);
        }
        catch (BrokerUnavailableException failure)
        {
            logger.NotSuperseded(claim.TaskId, failure.Message);
        }
    }

    private async Task GiveBackAsync(UniqueClaim claim, UniqueClaim? before)
    {
        if (before is null)
        {
            await session.WriteAsync(new LeaderEntry(UniqueEntries.Freed, UniqueEntries.Write(new UniqueScope(claim.Scope))));
            keys.Free(claim.Scope);
            return;
        }

        await session.WriteAsync(new LeaderEntry(UniqueEntries.Held, UniqueEntries.Write(before), before.By));
        keys.Set(before);
    }

    private LeaderAnswer AnswerOf(UniqueClaim claim, bool existing) =>
        new(Text: UniqueEntries.Write(new UniqueAnswer(claim.TaskId, claim.NotBefore > clock.GetUtcNow() ? TaskState.Scheduled : TaskState.Queued, existing)));

    private static LeaderAnswer Refused(PublishOutcome outcome, string taskId, string why) => new(Refusal: TaskRefusal.Of(new TaskNotEnqueuedException(outcome, taskId, why)));
}
