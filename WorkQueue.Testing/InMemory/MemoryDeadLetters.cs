using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.DeadLetters;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Testing.InMemory;

/// <summary>The dead letters of the broker in memory.</summary>
internal sealed class MemoryDeadLetters(
    MemoryBroker broker, TaskTopology topology, TaskPublisher publisher, HistoryRecorder history, IOptions<WorkQueueOptions> options, TimeProvider clock) : IDeadLetters
{
    public Task<IReadOnlyList<DeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<DeadLetter>>([.. Find(filter).Select(found => found.Letter.Within(filter.MaxPayloadBytes))]);

    public Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => Task.FromResult(Find(filter).Length);

    public async Task<int> RedriveAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        FoundLetter[] found = [.. Find(filter).Where(broker.Take)];
        foreach (FoundLetter letter in found)
        {
            await publisher.PublishAsync(letter.Redriven(0), TimeSpan.Zero, options.Value.ConfirmTimeout, cancellationToken);
        }

        return found.Length;
    }

    public async Task<int> DiscardAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        FoundLetter[] found = [.. Find(filter).Where(broker.Take)];
        foreach (FoundLetter letter in found)
        {
            await history.CancelledAsync(letter.Message, new AttemptEnd(IDeadLetters.Discarded, null, null, clock.GetUtcNow()), null);
            history.Dropped(letter.Message, null);
        }

        return found.Length;
    }

    private FoundLetter[] Find(DeadLetterFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (filter.Queue is { } queue && topology.Find(queue) is null)
        {
            throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, topology.UnknownQueue(queue));
        }

        return [.. broker.Letters.Where(found => Fits(found.Letter, filter)).Skip(filter.Skip).Take(filter.Limit)];
    }

    private static bool Fits(DeadLetter letter, DeadLetterFilter filter) =>
        (filter.Queue is null || filter.Queue == letter.Queue) && (!filter.IsOutsideHistory || letter.Topic is not null)
        && filter.Fits(letter.Id, letter.Type, letter.Reason, letter.ErrorType, letter.Error);
}
