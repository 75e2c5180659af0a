using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Batches;

/// <summary>Enqueues the members of a batch. What is not taken, or of which nobody knows, is sent again under its id for a while: a batch must not end, or fail to, by a short fault.</summary>
internal sealed class BatchMembers(TaskPublisher publisher, IOptions<WorkQueueOptions> options, TimeProvider clock)
{
    // Longer than a broker takes to start again. Counted from the last one that was taken: many that are under way are no reason to give up.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan TryAgain = TimeSpan.FromMilliseconds(500);

    /// <summary>Enqueues tasks as the members from a number on.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="first">The number of the first.</param>
    /// <param name="tasks">The tasks.</param>
    /// <param name="isAgain">Some may be enqueued already.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What became of each.</returns>
    public async Task<IReadOnlyList<EnqueueResult>> EnqueueAsync(string batch, int first, IReadOnlyList<NewTask> tasks, bool isAgain, CancellationToken cancellationToken)
    {
        EnqueueResult[] results = new EnqueueResult[tasks.Count];
        MemberProgress progress = new(clock);
        ParallelOptions window = new() { MaxDegreeOfParallelism = options.Value.PublishWindow, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, tasks.Count, window, async (index, token) => results[index] = await EnqueueAsync(new BatchMember(batch, first + index), tasks[index], progress, isAgain, token));
        return results;
    }

    /// <summary>Whether the broker may have it, as far as is known.</summary>
    public static bool IsUnknown(EnqueueResult result) => result.Error is TaskNotEnqueuedException { Outcome: PublishOutcome.Unknown };

    private async Task<EnqueueResult> EnqueueAsync(BatchMember member, NewTask given, MemberProgress progress, bool isAgain, CancellationToken cancellationToken)
    {
        NewTask task = given with { Id = member.TaskId, EndTold = BatchMark.Write(member), IsRepeat = true };
        TaskNotEnqueuedException? unknown = null;
        while (true)
        {
            try
            {
                EnqueuedTask enqueued = await publisher.EnqueueAsync(task, null, cancellationToken);
                progress.Taken();
                return new EnqueueResult(given, enqueued, null);
            }
            catch (InvalidTaskException late)
            {
                return new EnqueueResult(given, null, unknown ?? (Exception)late);
            }
            catch (TaskNotEnqueuedException failure)
            {
                unknown = isAgain || failure.Outcome == PublishOutcome.Unknown ? OfBatch(failure) : unknown;
                if (progress.Since() > Patience || (failure.Outcome == PublishOutcome.QueueFull && (isAgain || unknown is null)))
                {
                    return new EnqueueResult(given, null, unknown ?? failure);
                }
            }

            await Task.Delay(TryAgain, clock, cancellationToken);
        }
    }

    private static TaskNotEnqueuedException OfBatch(TaskNotEnqueuedException failure) => new(
        PublishOutcome.Unknown, failure.TaskId, $"{failure.Message} The batch waits for it: add the same tasks again by the same key, or cancel the batch.", failure);

    private sealed class MemberProgress(TimeProvider clock)
    {
        private long _last = clock.GetTimestamp();

        public void Taken() => Volatile.Write(ref _last, clock.GetTimestamp());

        public TimeSpan Since() => clock.GetElapsedTime(Volatile.Read(ref _last));
    }
}
