using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>The permits of the queues with a rate that this process takes from. It asks the leader for them, and hears the answers on a queue of its own.</summary>
internal sealed class RatePools(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, IPublisher publisher, LeaderNeed need, LeaderQueues queues, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<RatePools> logger)
    : IDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(300);

    private readonly string _worker = Guid.NewGuid().ToString("N");
    private readonly Dictionary<string, RatePool> _pools = topology.Queues.Where(queue => queue.Rate is not null && options.Value.Worker.QueueNames.Contains(queue.Name))
        .ToDictionary(queue => queue.Name, queue => new RatePool(queue.Rate!.Value, clock), StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, (int Turn, TaskCompletionSource<RateAnswer> Answer)> _answers = new(StringComparer.Ordinal);

    // By queue: that the leader knows of one says nothing of the others.
    private readonly ConcurrentDictionary<string, string> _problems = new(StringComparer.Ordinal);
    private volatile string? _replyTo;

    /// <summary>It takes from queues with a rate.</summary>
    public bool AreThere => _pools.Count > 0;

    /// <summary>Why it is not known what may start; null while it is, and where no queue has a rate.</summary>
    public string? Problem => AreThere ? _problems.Values.FirstOrDefault() : null;

    /// <summary>How many permits of each queue with a rate this process holds.</summary>
    public IReadOnlyDictionary<string, int> Held => _pools.ToDictionary(pool => pool.Key, pool => pool.Value.Held, StringComparer.Ordinal);

    /// <summary>The permits of a queue; null where it has no rate.</summary>
    public RatePool? Of(TaskQueue queue) => AreThere ? _pools.GetValueOrDefault(queue.Name) : null;

    /// <summary>Gets and gives back permits until it is cancelled.</summary>
    public async Task AskAsync(CancellationToken stopping)
    {
        if (!AreThere)
        {
            return;
        }

        need.TakePart();
        using CancellationTokenSource silent = new();
        PrivateQueue replies = new("rates", connection, Receive, clock, logger) { Opened = name => _replyTo = name, Lost = _ => _replyTo = null };
        Task listening = replies.RunAsync(silent.Token);
        await Task.WhenAll(_pools.Select(pool => AskAsync(pool.Key, pool.Value, stopping)));
        await silent.CancelAsync();
        await listening;
    }

    public void Dispose()
    {
        foreach (RatePool pool in _pools.Values)
        {
            pool.Dispose();
        }
    }

    private async Task AskAsync(string queue, RatePool pool, CancellationToken stopping)
    {
        RateTurns turns = new(queue, pool.Rate, pool, _worker);
        await Supervision.KeepAsync(token => TakeTurnsAsync(queue, turns, token), failure => Silent(queue, failure!.Message), new Backoff(clock, AnswerLimit), stopping);
        // Others need not wait until it counts as silent.
        if (_replyTo is { } replyTo)
        {
            await SendAsync(turns.Last(replyTo), CancellationToken.None).WaitAsync(LastWords, clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TakeTurnsAsync(string queue, RateTurns turns, CancellationToken stopping)
    {
        await queues.Declared.WaitAsync(stopping);
        long heardAt = clock.GetTimestamp();
        while (true)
        {
            if (_replyTo is { } replyTo && turns.Next(replyTo) is { } ask)
            {
                if (await AnswerAsync(ask, stopping) is { } answer && turns.Hear(answer))
                {
                    heardAt = clock.GetTimestamp();
                    _problems.TryRemove(queue, out _);
                }
                else if (clock.GetElapsedTime(heardAt) > LongestSilence)
                {
                    Silent(queue, "no program that leads has answered, or it is of an earlier version");
                }
            }
            else if (_replyTo is not null)
            {
                // Nothing is wanted.
                heardAt = clock.GetTimestamp();
                _problems.TryRemove(queue, out _);
            }

            await Task.Delay(turns.Pause, clock, stopping);
        }
    }

    private async Task<RateAnswer?> AnswerAsync(RateAsk ask, CancellationToken stopping)
    {
        TaskCompletionSource<RateAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _answers[ask.Queue] = (ask.Turn, answer);
        try
        {
            await SendAsync(ask, stopping);
            return await answer.Task.WaitAsync(AnswerLimit, clock, stopping);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private Task SendAsync(RateAsk ask, CancellationToken stopping)
    {
        OutgoingMessage message = LeaderSession.MessageOf(topology.Leader.Queue, new LeaderEntry(RateEntries.Ask, RateEntries.Write(ask)));
        // By then there is a newer one.
        message.Properties.Expiration = ((long)RateBook.Silence.TotalMilliseconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return publisher.PublishAsync(message, options.Value.ConfirmTimeout, stopping).AsTask();
    }

    private Task Receive(PrivateDelivery delivery)
    {
        if (RateEntries.ReadAnswer(delivery.Body) is { } answer && _answers.TryGetValue(answer.Queue, out (int Turn, TaskCompletionSource<RateAnswer> Answer) waiting) && waiting.Turn == answer.Turn)
        {
            waiting.Answer.TrySetResult(answer);
        }

        return Task.CompletedTask;
    }

    private void Silent(string queue, string reason)
    {
        // Without a connection there is more to say than this.
        if (connection.Problem is null && !_problems.ContainsKey(queue))
        {
            _problems[queue] = $"queue {queue} takes no tasks: how many may start is not known ({reason})";
            logger.NoRate(queue, reason);
        }
    }
}
