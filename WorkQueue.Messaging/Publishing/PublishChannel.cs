using System.Diagnostics;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Publishing;

/// <summary>
/// A channel with its window: the publishes on it that the broker has not answered. A window belongs to its channel, for those a dead one never ends must
/// not take places of the next. The confirms are counted here, not by the client (docs/adr/0025).
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle and a source without a timer have nothing to dispose of; the timer ends with the channel.
internal sealed class PublishChannel
#pragma warning restore CA1001
{
    /// <summary>As it has to be opened. No rate limiter: the window is ours, and the client's own sleeps up to a second and then throws.</summary>
    public static readonly CreateChannelOptions Options = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false);

    // Who writes for others, too, comes to his own work after so many.
    private const int WritesInTurn = 16;

    private readonly int _places;
    private readonly SemaphoreSlim _window;
    private readonly TimeProvider _clock;
    private readonly Action<PublishChannel, PublishOutcome?> _told;
    private readonly long _openedAt;
    private readonly UnansweredPublishes _unanswered = new();
    private readonly ConfirmTimer _timer;

    // Of the connection's reading loop alone, for one answer after the other.
    private readonly List<PendingPublish> _answered = [];
    private readonly CancellationTokenSource _closed = new();
    private volatile Exception? _broken;

    /// <summary>Takes a channel over.</summary>
    /// <param name="channel">A channel of <see cref="Options"/> that nothing was published on.</param>
    /// <param name="lost">Completes when its connection is lost. The client does not always tell the channel (its issue 1930).</param>
    /// <param name="places">How many publishes may be unanswered.</param>
    /// <param name="clock">The time.</param>
    /// <param name="told">Told what the broker says, null for a confirm; "unknown" when it says nothing in time, or nothing any more.</param>
    public PublishChannel(IChannel channel, Task<string> lost, int places, TimeProvider clock, Action<PublishChannel, PublishOutcome?> told)
    {
        (Channel, _places, _clock, _told) = (channel, places, clock, told);
        _window = new SemaphoreSlim(places, places);
        _openedAt = clock.GetTimestamp();
        _timer = new ConfirmTimer(_unanswered, clock, GiveUp);
        channel.BasicAcksAsync += (_, ack) => AnswerAsync(ack.DeliveryTag, ack.Multiple, null);
        channel.BasicNacksAsync += (_, nack) => AnswerAsync(nack.DeliveryTag, nack.Multiple, PublishOutcome.Refused);
        channel.BasicReturnAsync += (_, message) => ReturnAsync(message);
        channel.ChannelShutdownAsync += (_, reason) =>
        {
            Break(new AlreadyClosedException(reason));
            return Task.CompletedTask;
        };
        _ = BreakAfterAsync(lost);
    }

    public IChannel Channel { get; }

    public TimeSpan Age => _clock.GetElapsedTime(_openedAt);

    /// <summary>Whether the broker has answered everything, and nobody is about to publish.</summary>
    public bool IsIdle => _window.CurrentCount == _places;

    /// <summary>Whether nothing more can be published on it.</summary>
    public bool IsBroken => _broken is not null || !Channel.IsOpen;

    /// <summary>How long the oldest publish has gone unanswered.</summary>
    public TimeSpan Oldest => _unanswered.Oldest;

    /// <summary>Waits for a place.</summary>
    public Task<bool> EnterAsync(TimeSpan limit, CancellationToken cancellationToken) => _window.WaitAsync(limit, cancellationToken);

    /// <summary>Gives a place back that was not used.</summary>
    public void Leave() => _window.Release();

    /// <summary>Publishes in the place that was waited for. It is free when the broker has answered, not when the caller has stopped waiting.</summary>
    public PendingPublish Publish(OutgoingMessage message, TimeSpan limit)
    {
        PendingPublish publish = new(message, limit, _clock);
        bool isWriter = _unanswered.Add(publish);
        _timer.Watch(publish);
        if (isWriter)
        {
            _ = WriteAsync();
        }

        // It may have come after the last look at what is there, and who writes may not come to it. What was written before is answered yet.
        if (_broken is { } broken && !publish.IsWritten)
        {
            Fail(publish, broken);
        }

        return publish;
    }

    /// <summary>Closes the channel, and gives up what is unanswered then.</summary>
    public async Task CloseAsync()
    {
        // Within the client's own shutdown, too: it waits for a publish that waits for it, unless its channel is disposed of by then (its issue 1930).
        Task disposal = Limits.DisposeAsync(Channel, _clock);
        await _closed.CancelAsync().ConfigureAwait(false);
        await disposal.ConfigureAwait(false);
        Break(new TimeoutException("its channel was given up"));
        _timer.Dispose();
    }

    // For all who have come meanwhile, too: none of them waits for a lock, nor for what else the first one's thread has to do. Never throws.
    private async Task WriteAsync()
    {
        for (int written = 1; _unanswered.NextToWrite() is { } publish; written++)
        {
            try
            {
                if (_broken is { } broken)
                {
                    Fail(publish, broken);
                    continue;
                }

                Activity.Current = publish.Trace is { IsStopped: false } trace ? trace : null;
                (string exchange, string key, _, BasicProperties properties, ReadOnlyMemory<byte> body, bool mandatory) = publish.Message;
                // Never the caller's token: what was written cannot be taken back.
                await Channel.BasicPublishAsync(exchange, key, mandatory, properties, body, CancellationToken.None).ConfigureAwait(false);
                publish.Written();
            }
#pragma warning disable CA1031 // Told to who waits, whatever it is.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                // The broker's count is not ours any more, whether it was written or not: nothing may be written after it.
                _broken ??= failure;
                Fail(publish, failure);
            }

            if (written % WritesInTurn == 0)
            {
                await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            }
        }
    }

    private Task AnswerAsync(ulong number, bool andAllBefore, PublishOutcome? outcome)
    {
        _unanswered.TakeAnswered(number, andAllBefore, _answered);
        End(_answered, outcome);
        _answered.Clear();
        return Task.CompletedTask;
    }

    // It comes before the confirm, which finds nothing there any more.
    private Task ReturnAsync(BasicReturnEventArgs message)
    {
        End(_unanswered.TakeAll(publish => publish.Is(message.Exchange, message.RoutingKey, message.BasicProperties.MessageId)), PublishOutcome.Returned);
        return Task.CompletedTask;
    }

    private void Fail(PendingPublish publish, Exception failure) => End(_unanswered.TakeAll(each => each == publish), PublishOutcome.Unknown, failure);

    // After the time in which the client tells the channel, which knows more of why.
    private async Task BreakAfterAsync(Task<string> lost)
    {
        await ((Task)lost).WaitAsync(_closed.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_closed.IsCancellationRequested)
        {
            await Task.Delay(Limits.Close, _clock).ConfigureAwait(false);
            Break(new IOException(await lost));
        }
    }

    private void Break(Exception failure)
    {
        _broken ??= failure;
        End(_unanswered.TakeAll(_ => true), PublishOutcome.Unknown, failure);
    }

    private void End(List<PendingPublish> publishes, PublishOutcome? outcome, Exception? failure = null)
    {
        if (publishes.Count == 0)
        {
            return;
        }

        foreach (PendingPublish publish in publishes)
        {
            publish.TrySetResult(outcome is { } known ? PublishFailedException.Of(known, publish.Exchange, publish.RoutingKey, failure) : null);
        }

        _window.Release(publishes.Count);
        _told(this, outcome);
    }

    // A queue that does not confirm must not keep the window from all the others.
    private void GiveUp(PendingPublish publish)
    {
        if (publish.TrySetResult(new PublishFailedException(PublishOutcome.Unknown, $"The broker did not confirm within {publish.Limit}.")))
        {
            _told(this, PublishOutcome.Unknown);
        }
    }
}
