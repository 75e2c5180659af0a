using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unreadable;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.DeadLetters;

/// <summary>
/// Reads the dead-letter queues letter by letter, without acknowledging what is only looked at: at the end it is given back, and the
/// broker puts it before what was never looked at. While one caller reads, a letter is out of reach of another, so no letter is moved twice.
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class DeadLetterBox(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TaskPublisher publisher, HistoryRecorder events, ControlLog control, IOptions<WorkQueueOptions> options, TimeProvider clock)
#pragma warning restore CA1001
    : IDeadLetters
{
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TurnLimit = TimeSpan.FromSeconds(5);

    // What cannot be read may be behind many that can.
    private static readonly TimeSpan SetAsideLimit = TimeSpan.FromMinutes(2);

    // What one reader looks at is out of reach of another, who would miss it.
    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>How long a letter is held before it is given back: well below what the broker closes the channel after.</summary>
    internal TimeSpan Round { get; set; } = options.Value.BrokerConsumerTimeout / 6;

    public async Task<IReadOnlyList<DeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        List<DeadLetter> letters = [];
        await ReadAsync(filter, (_, letter) => Add(letters, letter.Found.Letter, filter.MaxPayloadBytes), cancellationToken);
        return letters;
    }

    public Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) =>
        ReadAsync(filter, (_, _) => Task.CompletedTask, cancellationToken);

    public Task<int> RedriveAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => ReadAsync(
        filter,
        async (scan, letter) =>
        {
            FoundLetter found = letter.Found;
            if (topology.Find(found.Letter.Queue) is null)
            {
                throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"Dead letter {found.Letter.Id}: {topology.UnknownQueue(found.Letter.Queue)}");
            }

            await RedriveAsync(found.Message, found.Letter);
            await scan.AcknowledgeAsync(letter);
        },
        cancellationToken,
        // Of all, those whose queue is no longer in the settings stay; asked for by id they are an error.
        found => filter.Ids is not null || topology.Find(found.Letter.Queue) is not null);

    public Task<int> DiscardAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => ReadAsync(
        filter,
        async (scan, letter) =>
        {
            TaskMessage message = letter.Found.Message;
            await events.CancelledAsync(message, new AttemptEnd(IDeadLetters.Discarded, null, null, clock.GetUtcNow()), null);
            events.Dropped(message, null);
            await scan.AcknowledgeAsync(letter);
        },
        cancellationToken);

    private static Task Add(List<DeadLetter> letters, DeadLetter letter, int? maxPayloadBytes)
    {
        letters.Add(letter.PayloadBytes > maxPayloadBytes ? letter with { Payload = ReadOnlyMemory<byte>.Empty } : letter);
        return Task.CompletedTask;
    }

    // Not cancellable: a letter is moved whole or not at all.
    private async Task RedriveAsync(TaskMessage message, DeadLetter letter)
    {
        // Above a run of it that was cancelled meanwhile: workers would drop it with that.
        int redriven = Math.Max(message.Redriven + 1, await control.NextRedrivenAsync(message.Id, CancellationToken.None));
        TaskMessage task = message with { Attempt = 1, Returned = 0, EarlierCrashes = 0, Redriven = redriven, NotBefore = null, Deadline = null, ReplyTo = null };
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
                await events.CancelledAsync(task with { Attempt = message.Attempt }, end, null);
            }

            throw new TaskNotEnqueuedException(failure.Outcome, message.Id, failure.Message, failure);
        }
    }

    private async Task<int> ReadAsync(DeadLetterFilter filter, Func<LetterScan, ScannedLetter, Task> handle, CancellationToken cancellationToken, Func<FoundLetter, bool>? takes = null)
    {
        // Of one that the client cannot read its connection dies, and before there is another it is set aside.
        Progress progress = new(filter.Skip);
        try
        {
            return await ReadAsync(progress, OpenLimit, filter, handle, takes, cancellationToken);
        }
        catch (BrokerUnavailableException lost) when (lost.InnerException is RabbitMQ.Client.Exceptions.OperationInterruptedException { ShutdownReason: { } reason } && UnreadableMessages.IsOfAMessage(reason))
        {
            return await ReadAsync(progress, SetAsideLimit, filter, handle, takes, cancellationToken);
        }
    }

    private async Task<int> ReadAsync(
        Progress progress, TimeSpan openLimit, DeadLetterFilter filter, Func<LetterScan, ScannedLetter, Task> handle, Func<FoundLetter, bool>? takes, CancellationToken cancellationToken)
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
        catch (Exception lost) when (lost is RabbitMQ.Client.Exceptions.OperationInterruptedException or IOException or TimeoutException)
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
        IChannel channel, string[] queues, Progress progress, DeadLetterFilter filter, Func<LetterScan, ScannedLetter, Task> handle, Func<FoundLetter, bool>? takes, CancellationToken cancellationToken)
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
            && failure is TimeoutException or OperationCanceledException or RabbitMQ.Client.Exceptions.OperationInterruptedException)
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
    private sealed class Progress(int skip)
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
