using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unreadable;

namespace WorkQueue.Messaging.DeadLetters;

/// <summary>
/// Reads the dead-letter queues letter by letter, without acknowledging what is only looked at: at the end it is given back, and the
/// broker puts it before what was never looked at. While one caller reads, a letter is out of reach of another, so no letter is moved twice.
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class LetterWalk(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock)
#pragma warning restore CA1001
{
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TurnLimit = TimeSpan.FromSeconds(5);

    // What cannot be read may be behind many that can.
    private static readonly TimeSpan SetAsideLimit = TimeSpan.FromMinutes(2);

    // What one reader looks at is out of reach of another, who would miss it.
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>How long a letter is held before it is given back: well below what the broker closes the channel after.</summary>
    internal TimeSpan Round { get; set; } = options.Value.BrokerConsumerTimeout / 6;

    /// <summary>Hands those that fit to <paramref name="handle"/>, one after the other, and says how many.</summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="handle">What to do with each.</param>
    /// <param name="cancellationToken">Stops it after the letter that is being handled.</param>
    /// <param name="takes">Of those that fit, only these; all if not given.</param>
    /// <exception cref="BrokerUnavailableException">The broker is away; what was done until then is done.</exception>
    public async Task<int> ReadAsync(DeadLetterFilter filter, Func<LetterScan, ScannedLetter, Task> handle, CancellationToken cancellationToken, Func<FoundLetter, bool>? takes = null)
    {
        // Of one that the client cannot read its connection dies, and before there is another it is set aside.
        ReadProgress progress = new(filter.Skip);
        try
        {
            return await ReadAsync(progress, OpenLimit, filter, handle, takes, cancellationToken);
        }
        catch (BrokerUnavailableException lost) when (lost.InnerException is OperationInterruptedException { ShutdownReason: { } reason } && UnreadableMessages.IsOfAMessage(reason))
        {
            return await ReadAsync(progress, SetAsideLimit, filter, handle, takes, cancellationToken);
        }
    }

    private async Task<int> ReadAsync(
        ReadProgress progress, TimeSpan openLimit, DeadLetterFilter filter, Func<LetterScan, ScannedLetter, Task> handle, Func<FoundLetter, bool>? takes, CancellationToken cancellationToken)
    {
        string[] queues = QueuesOf(filter);
        // Not for ever: a redrive of one a second may take hours, and what it does not look at can be seen all the same.
        bool alone = await _reading.WaitAsync(TurnLimit, cancellationToken);
        IChannel? channel = null;
        IDisposable?[] reads = [.. queues.Select(queue => connection.Reads(queue, LetterScan.MaxScanned, LetterScan.MaxScanned))];
        try
        {
            channel = await OpenAsync(openLimit, cancellationToken);
            progress.Begin();
            await ReadAsync(channel, queues, progress, filter, handle, takes, cancellationToken);
            return progress.Handled;
        }
        catch (Exception lost) when (lost is OperationInterruptedException or IOException or TimeoutException)
        {
            throw new BrokerUnavailableException($"the connection was lost among the dead letters; what was done until then is done: {lost.Message}", lost);
        }
        finally
        {
            await CloseAsync(channel);
            Array.ForEach(reads, read => read?.Dispose());
            if (alone)
            {
                _reading.Release();
            }
        }
    }

    private async Task ReadAsync(
        IChannel channel, string[] queues, ReadProgress progress, DeadLetterFilter filter, Func<LetterScan, ScannedLetter, Task> handle, Func<FoundLetter, bool>? takes, CancellationToken cancellationToken)
    {
        TimeSpan pause = filter.PerSecond is { } rate ? TimeSpan.FromSeconds(1.0 / rate) : TimeSpan.Zero;
        foreach (string queue in queues)
        {
            LetterScan scan = new(channel, queue, Round, topology, clock);
            try
            {
                while (progress.Handled < filter.Limit && await scan.NextAsync(cancellationToken) is { } letter)
                {
                    FoundLetter found = letter.Found;
                    bool elsewhere = queue == topology.Delays.Unrouted && filter.Queue is not null && filter.Queue != found.Letter.Queue;
                    if (elsewhere || !filter.Fits(found.Letter.Id, found.Letter.Type, found.Letter.Reason, found.Letter.ErrorType, found.Letter.Error) || takes?.Invoke(found) == false || progress.Passes(letter))
                    {
                        continue;
                    }

                    await handle(scan, letter);
                    progress.Note(letter);
                    await Task.Delay(pause, clock, cancellationToken);
                }
            }
            finally
            {
                // In so many words: what a closed channel leaves behind comes back a moment later, and the next look would miss it.
                await scan.GiveBackAsync();
            }
        }
    }

    private string[] QueuesOf(DeadLetterFilter filter)
    {
        if (filter.Queue is null)
        {
            return [.. topology.All.Where(queue => queue.IsSubscription || !filter.IsOutsideHistory).Select(queue => queue.DeadBrokerName), topology.Delays.Unrouted];
        }

        TaskQueue queue = topology.Find(filter.Queue) ?? throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, topology.UnknownQueue(filter.Queue));
        return filter.IsOutsideHistory && !queue.IsSubscription ? [topology.Delays.Unrouted] : [queue.DeadBrokerName, topology.Delays.Unrouted];
    }

    private async Task<IChannel> OpenAsync(TimeSpan openLimit, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(openLimit);
        try
        {
            return await connection.OpenChannelAsync(null, limit.Token);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested
            && failure is TimeoutException or OperationCanceledException or OperationInterruptedException)
        {
            throw new BrokerUnavailableException(connection.Problem ?? failure.Message, failure);
        }
    }

    // A clean close: what was said before it has reached the broker when it answers.
    private async Task CloseAsync(IChannel? channel)
    {
        if (channel is { IsOpen: true })
        {
            await channel.CloseAsync(CancellationToken.None).WaitAsync(Limits.Close, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Limits.DisposeAsync(channel, clock);
    }

    // How far a reading has come, also where it goes on after the connection was lost. What it had handled by then comes again, or is gone.
    private sealed class ReadProgress(int skip)
    {
        private readonly LetterCounts _handled = new();
        private LetterCounts _again = new();
        private int _skip = skip;

        public int Handled { get; private set; }

        /// <summary>The reading begins, once more perhaps.</summary>
        public void Begin() => _again = _handled.Copy();

        public bool Passes(ScannedLetter letter) => _again.Take(letter.Key) || _skip-- > 0;

        public void Note(ScannedLetter letter)
        {
            Handled++;
            _handled.Add(letter.Key);
        }
    }
}
