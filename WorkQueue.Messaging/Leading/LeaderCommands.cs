using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Leading;

/// <summary>Asks by the leader's queue, and hears the answer from its log.</summary>
internal sealed class LeaderCommands(LeaderNeed need, LeaderQueues queues, LeaderLog log, IPublisher publisher, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock) : ILeaderCommands
{
    // What it may wait in the queue and, once more, with the leader, and what its answer takes.
    private static readonly TimeSpan AnswerLimit = (2 * LeaderSession.CommandLimit) + TimeSpan.FromSeconds(2);

    public async Task<LeaderAnswer> AskAsync(string kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        await ReadyAsync(cancellationToken);
        // The first of all programs needs a moment to begin.
        await log.Led.WaitAsync(AnswerLimit, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        string by = Guid.NewGuid().ToString("N");
        Task<LeaderAnswer> answer = log.ExpectAsync(by);
        try
        {
            OutgoingMessage message = LeaderSession.MessageOf(topology.Leader.Queue, new LeaderEntry(kind, body, by));
            // Who was told that it has not been done must not find it done later.
            message.Properties.Expiration = ((long)LeaderSession.CommandLimit.TotalMilliseconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
            await publisher.SayAsync(message, options.Value.ConfirmTimeout, cancellationToken);
            return await answer.WaitAsync(AnswerLimit, clock, cancellationToken);
        }
        catch (TimeoutException late)
        {
            throw new BrokerUnavailableException($"no program that leads has answered within {AnswerLimit.TotalSeconds:0} s; try again", late);
        }
        finally
        {
            log.Unexpect(by);
        }
    }

    public Task TellAsync(string kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        publisher.SayAsync(LeaderSession.MessageOf(topology.Leader.Queue, new LeaderEntry(kind, body)), options.Value.ConfirmTimeout, cancellationToken);

    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        need.TakePart();
        try
        {
            await queues.Declared.WaitAsync(AnswerLimit, clock, cancellationToken);
            await log.Ready.WaitAsync(AnswerLimit, clock, cancellationToken);
        }
        catch (TimeoutException late)
        {
            throw new BrokerUnavailableException($"'{topology.Leader.Log}' could not be read yet", late);
        }
    }
}
