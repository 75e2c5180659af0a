using Microsoft.Extensions.Options;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.DeadLetters;

/// <summary>What can be done with dead letters.</summary>
internal sealed class DeadLetterBox(
    LetterWalk walk, TaskTopology topology, TaskPublisher publisher, HistoryRecorder history, ICancelledTasks cancelled, IOptions<WorkQueueOptions> options, TimeProvider clock) : IDeadLetters
{
    public async Task<IReadOnlyList<DeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        List<DeadLetter> letters = [];
        await walk.ReadAsync(filter, (_, letter) => Add(letters, letter.Found.Letter, filter.MaxPayloadBytes), cancellationToken);
        return letters;
    }

    public Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) =>
        walk.ReadAsync(filter, (_, _) => Task.CompletedTask, cancellationToken);

    public Task<int> RedriveAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => walk.ReadAsync(
        filter,
        async (scan, letter) =>
        {
            FoundLetter found = letter.Found;
            if (topology.Find(found.Letter.Queue) is null)
            {
                throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"Dead letter {found.Letter.Id}: {topology.UnknownQueue(found.Letter.Queue)}");
            }

            await RedriveAsync(found);
            await scan.AcknowledgeAsync(letter);
        },
        cancellationToken,
        // Of all, those whose queue is no longer in the settings stay; asked for by id they are an error.
        found => filter.Ids is not null || topology.Find(found.Letter.Queue) is not null);

    public Task<int> DiscardAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => walk.ReadAsync(
        filter,
        async (scan, letter) =>
        {
            TaskMessage message = letter.Found.Message;
            await history.CancelledAsync(message, new AttemptEnd(IDeadLetters.Discarded, null, null, clock.GetUtcNow()), null);
            history.Dropped(message, null);
            await scan.AcknowledgeAsync(letter);
        },
        cancellationToken);

    private static Task Add(List<DeadLetter> letters, DeadLetter letter, int? maxPayloadBytes)
    {
        letters.Add(letter.Within(maxPayloadBytes));
        return Task.CompletedTask;
    }

    // Not cancellable: a letter is moved whole or not at all.
    private async Task RedriveAsync(FoundLetter found)
    {
        (DeadLetter letter, TaskMessage message) = found;
        // Above a run of it that was cancelled meanwhile: workers would drop it with that.
        TaskMessage task = found.Redriven(await cancelled.NextRedrivenAsync(message.Id, CancellationToken.None));
        try
        {
            await publisher.PublishAsync(task, TimeSpan.Zero, options.Value.ConfirmTimeout, CancellationToken.None);
        }
        catch (PublishFailedException failure)
        {
            // The history may have taken in what no queue did. Of an unknown outcome nothing can be said: where no queue has the task, it is shown
            // as queued, and its letter is there to be redriven again.
            if (failure.Outcome is PublishOutcome.Returned or PublishOutcome.Refused)
            {
                AttemptEnd end = new(IDeadLetters.NotRedriven, letter.ErrorType, letter.Error, clock.GetUtcNow());
                await history.CancelledAsync(task with { Attempt = message.Attempt }, end, null);
            }

            throw new TaskNotEnqueuedException(failure.Outcome, message.Id, failure.Message, failure);
        }
    }
}
