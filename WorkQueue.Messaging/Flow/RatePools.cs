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

/// <summary>The permits of the queues and lanes with a rate that this process takes from. It asks the leader for them, and hears the answers on a queue of its own.</summary>
internal sealed class RatePools(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, IPublisher publisher, LeaderNeed need, LeaderQueues queues, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<RatePools> logger)
    : IDisposable
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(300);

    private readonly string _worker = Guid.NewGuid().ToString("N");

    // By what has the rate: the name of a queue, or the key of a lane.
    private readonly Dictionary<string, NamedRate> _rates = topology.Queues.Where(queue => options.Value.Worker.QueueNames.Contains(queue.Name))
        .SelectMany(queue => RatesOf(queue, clock)).ToDictionary(rate => rate.Name, StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, (int Turn, TaskCompletionSource<RateAnswer> Answer)> _answers = new(StringComparer.Ordinal);

    // By the same: that the leader knows of one says nothing of the others.
    private readonly ConcurrentDictionary<string, string> _problems = new(StringComparer.Ordinal);
    private volatile string? _replyTo;

    /// <summary>It takes from queues or lanes with a rate.</summary>
    public bool AreThere => _rates.Count > 0;

    /// <summary>Why it is not known what may start; null while it is, and where nothing has a rate.</summary>
    public string? Problem => AreThere ? _problems.Values.FirstOrDefault() : null;

    /// <summary>How many permits of each queue with a rate this process holds, and of each lane of which it holds some.</summary>
    public IReadOnlyDictionary<string, int> Held => _rates.Values.Select(rate => (rate.Name, rate.IsLane, rate.Pool.Held)).Where(rate => rate.Held > 0 || !rate.IsLane)
        .ToDictionary(rate => rate.Name, rate => rate.Held, StringComparer.Ordinal);

    /// <summary>The permits by which tasks of a lane start; null where there is no rate.</summary>
    public RatePool? Of(TaskLane lane) => AreThere ? _rates.GetValueOrDefault(lane.Rate is null ? lane.Queue.Name : lane.Key)?.Pool : null;

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
        await Task.WhenAll(_rates.Values.Select(rate => AskAsync(rate, stopping)));
        await silent.CancelAsync();
        await listening;
    }

    public void Dispose()
    {
        foreach (NamedRate rate in _rates.Values)
        {
            rate.Pool.Dispose();
        }
    }

    private async Task AskAsync(NamedRate rate, CancellationToken stopping)
    {
        RateTurns turns = new(rate.Name, rate.Pool, _worker);
        await Supervision.KeepAsync(token => TakeTurnsAsync(rate, turns, token), failure => Silent(rate, failure!.Message), new Backoff(clock, AnswerLimit), stopping);
        // Others need not wait until it counts as silent.
        if (_replyTo is { } replyTo && turns.Last(replyTo) is { } last)
        {
            await SendAsync(last, CancellationToken.None).WaitAsync(LastWords, clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TakeTurnsAsync(NamedRate rate, RateTurns turns, CancellationToken stopping)
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
                    _problems.TryRemove(rate.Name, out _);
                }
                else if (clock.GetElapsedTime(heardAt) > LongestSilence)
                {
                    Silent(rate, "no program that leads has answered, or it is of an earlier version");
                }
            }
            else if (_replyTo is not null)
            {
                // Nothing is wanted.
                heardAt = clock.GetTimestamp();
                _problems.TryRemove(rate.Name, out _);
            }

            await Task.Delay(turns.Pause, clock, stopping);
        }
    }

    private async Task<RateAnswer?> AnswerAsync(RateAsk ask, CancellationToken stopping)
    {
        TaskCompletionSource<RateAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _answers[ask.Name] = (ask.Turn, answer);
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
        if (RateEntries.ReadAnswer(delivery.Body) is { } answer && _answers.TryGetValue(answer.Name, out (int Turn, TaskCompletionSource<RateAnswer> Answer) waiting) && waiting.Turn == answer.Turn)
        {
            waiting.Answer.TrySetResult(answer);
        }

        return Task.CompletedTask;
    }

    private void Silent(NamedRate rate, string reason)
    {
        // Without a connection there is more to say than this.
        if (connection.Problem is not null || _problems.ContainsKey(rate.Name))
        {
            return;
        }

        // What nobody knows of one of many lanes nobody knows of the others.
        bool isSaid = _problems.Keys.Any(name => _rates[name].Queue == rate.Queue);
        _problems[rate.Name] = $"queue {rate.Name} takes no tasks: how many may start is not known ({reason})";
        if (!isSaid)
        {
            logger.NoRate(rate.Name, reason);
        }
    }

    private static IEnumerable<NamedRate> RatesOf(TaskQueue queue, TimeProvider clock) =>
    [
        .. queue.Rate is { } own ? [new NamedRate(queue.Name, queue.Name, false, new RatePool(own, clock))] : (NamedRate[])[],
        .. queue.Lanes.All.Where(lane => lane.Rate is not null).Select(lane => new NamedRate(lane.Key, queue.Name, true, new RatePool(lane.Rate!.Value, clock))),
    ];

    private sealed record NamedRate(string Name, string Queue, bool IsLane, RatePool Pool);
}
