using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unreadable;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.DeadLetters;

/// <summary>
/// Reads the dead-letter queues letter by letter, without acknowledging what is only looked at: at the end it is given back, and the
/// broker puts it where it was. While one caller reads, a letter is out of reach of another, so no letter is moved twice.
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class DeadLetterBox(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TaskPublisher publisher, HistoryRecorder events, IOptions<WorkQueueOptions> options, TimeProvider clock)
#pragma warning restore CA1001
    : IDeadLetters
{
    // Unacknowledged letters are held in the broker's memory; who has more than these names a queue or discards.
    private const int MaxScanned = 100_000;

    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TurnLimit = TimeSpan.FromSeconds(5);

    // What cannot be read may be behind many that can.
    private static readonly TimeSpan SetAsideLimit = TimeSpan.FromMinutes(2);

    // What one reader looks at is out of reach of another, who would miss it.
    private readonly SemaphoreSlim _reading = new(1);

    public async Task<IReadOnlyList<DeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        List<DeadLetter> letters = [];
        await ReadAsync(filter, (_, _, found) => Add(letters, found.Letter), cancellationToken);
        return letters;
    }

    public Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) =>
        ReadAsync(filter, (_, _, _) => Task.CompletedTask, cancellationToken);

    public Task<int> RedriveAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => ReadAsync(
        filter,
        async (channel, tag, found) =>
        {
            if (topology.Find(found.Letter.Queue) is null)
            {
                throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"Dead letter {found.Letter.Id}: {topology.UnknownQueue(found.Letter.Queue)}");
            }

            await RedriveAsync(found.Message);
            await channel.BasicAckAsync(tag, multiple: false, CancellationToken.None);
        },
        cancellationToken,
        // Of all, those whose queue is no longer in the settings stay; asked for by id they are an error.
        found => filter.Ids is not null || topology.Find(found.Letter.Queue) is not null);

    public Task<int> DiscardAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) => ReadAsync(
        filter,
        async (channel, tag, found) =>
        {
            await events.CancelledAsync(found.Message, new AttemptEnd(IDeadLetters.Discarded, null, null, clock.GetUtcNow()), null);
            events.Dropped(found.Message, null);
            await channel.BasicAckAsync(tag, multiple: false, CancellationToken.None);
        },
        cancellationToken);

    private static Task Add(List<DeadLetter> letters, DeadLetter letter)
    {
        letters.Add(letter);
        return Task.CompletedTask;
    }

    // Not cancellable: a letter is moved whole or not at all.
    private async Task RedriveAsync(TaskMessage message)
    {
        TaskMessage task = message with { Attempt = 1, Returned = 0, EarlierCrashes = 0, Redriven = message.Redriven + 1, NotBefore = null, Deadline = null, ReplyTo = null };
        try
        {
            await publisher.PublishAsync(task, TimeSpan.Zero, options.Value.ConfirmTimeout, CancellationToken.None);
        }
        catch (PublishFailedException failure)
        {
            throw new TaskNotEnqueuedException(failure.Outcome, message.Id, failure.Message, failure);
        }
    }

    private async Task<int> ReadAsync(DeadLetterFilter filter, Func<IChannel, ulong, FoundLetter, Task> handle, CancellationToken cancellationToken, Func<FoundLetter, bool>? takes = null)
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
        Progress progress, TimeSpan openLimit, DeadLetterFilter filter, Func<IChannel, ulong, FoundLetter, Task> handle, Func<FoundLetter, bool>? takes, CancellationToken cancellationToken)
    {
        string[] queues = QueuesOf(filter);
        TimeSpan pause = filter.PerSecond is { } rate ? TimeSpan.FromSeconds(1.0 / rate) : TimeSpan.Zero;
        // Not for ever: a redrive of one a second may take hours, and what it does not look at can be seen all the same.
        bool alone = await _reading.WaitAsync(TurnLimit, cancellationToken);
        IChannel? channel = null;
        IDisposable?[] reads = [.. queues.Select(queue => connection.Reads(queue, MaxScanned, MaxScanned))];
        try
        {
            channel = await OpenAsync(openLimit, cancellationToken);
            TaskCompletionSource<ShutdownEventArgs> closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            channel.ChannelShutdownAsync += (_, shutdown) => Task.FromResult(closed.TrySetResult(shutdown));
            foreach (string queue in queues)
            {
                for (int scanned = 0; progress.Handled < filter.Limit && scanned < MaxScanned; scanned++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    BasicGetResult? message = await GetAsync(channel, queue, closed.Task);
                    if (message is null)
                    {
                        break;
                    }

                    FoundLetter found = LetterReader.Read(message, topology);
                    bool elsewhere = queue == topology.Delays.Unrouted && filter.Queue is not null && filter.Queue != found.Letter.Queue;
                    if (elsewhere || !LetterReader.Fits(found.Letter, filter) || takes?.Invoke(found) == false || !progress.Seen.Add($"{queue} {found.Letter.Id}"))
                    {
                        continue;
                    }

                    if (progress.Skip-- > 0)
                    {
                        continue;
                    }

                    await handle(channel, message.DeliveryTag, found);
                    progress.Handled++;
                    await Task.Delay(pause, clock, cancellationToken);
                }
            }

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

    // The client's own call never ends where its answer cannot be read.
    private async Task<BasicGetResult?> GetAsync(IChannel channel, string queue, Task<ShutdownEventArgs> closed)
    {
        Task<BasicGetResult?> get = channel.BasicGetAsync(queue, autoAck: false, CancellationToken.None);
        return await Task.WhenAny(get, closed).WaitAsync(Limits.Rpc, clock) == get ? await get : throw new RabbitMQ.Client.Exceptions.AlreadyClosedException(await closed);
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

    // A clean close: what was said before it has reached the broker when it answers. Given back in so many words, because what a
    // closed channel leaves behind comes back a moment later, and the next look would miss it.
    private async Task CloseAsync(IChannel? channel)
    {
        if (channel is { IsOpen: true })
        {
            // Tag 0 is everything that is not settled yet, if only nothing.
            await channel.BasicNackAsync(deliveryTag: 0, multiple: true, requeue: true, CancellationToken.None).AsTask()
                .WaitAsync(Limits.Close, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await channel.CloseAsync(CancellationToken.None).WaitAsync(Limits.Close, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Limits.DisposeAsync(channel, clock);
    }

    // How far a reading has come, also where it goes on after the connection was lost.
    private sealed class Progress(int skip)
    {
        public int Handled { get; set; }

        public int Skip { get; set; } = skip;

        /// <summary>A task that is redriven and dies again at once must not be redriven for ever.</summary>
        public HashSet<string> Seen { get; } = new(StringComparer.Ordinal);
    }
}
