using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.DeadLetters;

/// <summary>
/// Takes the letters of one dead-letter queue, each once: those that were there when the scan began, not what comes behind them
/// meanwhile, so that a task which is redriven and dies again at once is not redriven for ever. What is only looked at is held by the
/// channel, and the broker closes a channel that holds a message too long: after <paramref name="round"/> all of it is given back, and
/// passed over where it comes again. That may be at once or behind others: a quorum queue delivers what was given back before all that was
/// never delivered, and RabbitMQ 3.10 more than some 30 of it in any order.
/// </summary>
/// <param name="channel">The channel that holds the letters.</param>
/// <param name="queue">The queue's name on the broker.</param>
/// <param name="round">How long a letter is held before it is given back.</param>
/// <param name="topology">The queues.</param>
/// <param name="clock">The clock.</param>
internal sealed class LetterScan(IChannel channel, string queue, TimeSpan round, TaskTopology topology, TimeProvider clock)
{
    /// <summary>Looked at in one queue. Unacknowledged letters are held in the broker's memory; who has more than these names a queue or discards.</summary>
    public const int MaxScanned = 100_000;

    private readonly LetterCounts _kept = new();
    private LetterCounts _comingAgain = new();
    private long? _roundStart;
    private int? _left;

    /// <summary>The next letter; null when all have been looked at.</summary>
    public async Task<ScannedLetter?> NextAsync(CancellationToken cancellationToken)
    {
        if (_left > 0 && _roundStart is { } start && clock.GetElapsedTime(start) >= round)
        {
            await GiveBackAsync();
            _comingAgain = _kept.Copy();
            _roundStart = null;
        }

        while (_left is not 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            BasicGetResult? message = await GetAsync();
            if (message is null)
            {
                return null;
            }

            // The count that comes with a letter is exact; the one of a passive declare is 0 for a queue whose leader is slow to answer.
            _left ??= (int)Math.Min(MaxScanned, message.MessageCount + 1L);
            FoundLetter found = LetterReader.Read(message, topology);
            LetterKey key = LetterKey.Of(message, found.Letter);
            if (_comingAgain.Take(key))
            {
                continue;
            }

            _left--;
            // From the first new one on: however long it took to come to it, each round gets further.
            _roundStart ??= clock.GetTimestamp();
            _kept.Add(key);
            return new ScannedLetter(message.DeliveryTag, found, key);
        }

        return null;
    }

    /// <summary>Takes a letter away for good.</summary>
    public async Task AcknowledgeAsync(ScannedLetter letter)
    {
        await channel.BasicAckAsync(letter.Tag, multiple: false, CancellationToken.None);
        _kept.Take(letter.Key);
    }

    /// <summary>Gives back what the channel holds. Of a channel that is closed the broker has it back.</summary>
    public async Task GiveBackAsync()
    {
        if (channel.IsOpen)
        {
            // Tag 0 is everything that is not settled yet, if only nothing.
            await channel.BasicNackAsync(deliveryTag: 0, multiple: true, requeue: true, CancellationToken.None).AsTask()
                .WaitAsync(Limits.Close, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // The client's own call never ends where its answer cannot be read.
    private async Task<BasicGetResult?> GetAsync()
    {
        TaskCompletionSource<ShutdownEventArgs> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task OnShutdown(object sender, ShutdownEventArgs shutdown) => Task.FromResult(closed.TrySetResult(shutdown));
        channel.ChannelShutdownAsync += OnShutdown;
        try
        {
            Task<BasicGetResult?> get = channel.BasicGetAsync(queue, autoAck: false, CancellationToken.None);
            return await Task.WhenAny(get, closed.Task).WaitAsync(Limits.Rpc, clock) == get ? await get : throw new AlreadyClosedException(await closed.Task);
        }
        finally
        {
            channel.ChannelShutdownAsync -= OnShutdown;
        }
    }
}

/// <summary>Letters that were looked at. Counted: several may be alike, and then any of them stands for another.</summary>
internal sealed class LetterCounts
{
    private readonly Dictionary<LetterKey, int> _counts = [];

    public void Add(LetterKey key) => _counts[key] = _counts.GetValueOrDefault(key) + 1;

    /// <summary>Takes one of a kind off.</summary>
    /// <returns>False where there is none.</returns>
    public bool Take(LetterKey key)
    {
        int count = _counts.GetValueOrDefault(key);
        if (count > 1)
        {
            _counts[key] = count - 1;
        }

        return count > 1 || _counts.Remove(key);
    }

    public LetterCounts Copy()
    {
        LetterCounts copy = new();
        foreach ((LetterKey key, int count) in _counts)
        {
            copy._counts[key] = count;
        }

        return copy;
    }
}

/// <summary>A letter that a channel holds.</summary>
internal sealed record ScannedLetter(ulong Tag, FoundLetter Found, LetterKey Key);

/// <summary>What tells letters apart: all that decides whether one fits, and its contents.</summary>
internal readonly record struct LetterKey(string? MessageId, string Queue, DateTimeOffset? DeadAt, int Redriven, int Contents)
{
    // Not the letter's own id: one that was sent without gets another each time it is read.
    public static LetterKey Of(BasicGetResult message, DeadLetter letter)
    {
        HashCode contents = new();
        contents.AddBytes(letter.Payload.Span);
        contents.Add(HashCode.Combine(letter.Type, letter.Attempt, letter.Reason, letter.ErrorType, letter.Error));
        return new LetterKey(message.BasicProperties.MessageId, letter.Queue, letter.DeadAt, letter.Redriven, contents.ToHashCode());
    }
}
