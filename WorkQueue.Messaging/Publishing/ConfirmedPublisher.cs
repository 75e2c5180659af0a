using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Publishing;

/// <summary>
/// The only place that publishes: always confirmed, persistent and mandatory, many at once on one channel, at most
/// <see cref="WorkQueueOptions.PublishWindow"/> in flight.
/// </summary>
internal sealed class ConfirmedPublisher(
    SupervisedConnection connection, IOptions<WorkQueueOptions> options, WorkQueueTelemetry telemetry, TimeProvider clock) : IAsyncDisposable
{
    /// <summary>How long a publish waits for a connection, or for an alarm to pass, before it is "unavailable".</summary>
    public static readonly TimeSpan ShortWait = TimeSpan.FromSeconds(2);

    // With a full window: what waits on this channel may wait for a leader that another channel finds.
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(4);

    private const int MostRetired = 16;

    private readonly SemaphoreSlim _opening = new(1);
    private readonly TimeSpan _confirmTimeout = options.Value.ConfirmTimeout;
    private readonly List<PublishChannel> _retired = [];
    private volatile PublishChannel? _current;
    private long _confirmedAt;

    /// <summary>What keeps the broker from confirming although the connection stands, or null: something has waited for long, and nothing later was confirmed.</summary>
    public string? Problem
    {
        get
        {
            lock (_retired)
            {
                PublishChannel?[] channels = [.. _retired, _current];
                TimeSpan quiet = clock.GetElapsedTime(Volatile.Read(ref _confirmedAt));
                return channels.Any(open => open is { Channel.IsOpen: true } && open.Oldest > _confirmTimeout && open.Oldest <= quiet)
                    ? "the broker does not confirm: a queue may be without the majority of its nodes"
                    : null;
            }
        }
    }

    /// <summary>Publishes, and returns when the broker has confirmed.</summary>
    /// <param name="message">The message.</param>
    /// <param name="confirmTimeout">How long to wait for the confirm; infinite waits until it is there or the channel is gone.</param>
    /// <param name="cancellationToken">Stops the waiting; the publish itself goes on, because cancelling it would break the channel for all.</param>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    public async Task PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        string? error = "cancelled";
        try
        {
            Publishing publishing = await StartAsync(message, cancellationToken);
            await ConfirmAsync(publishing, message, confirmTimeout, cancellationToken);
            error = null;
        }
        catch (PublishFailedException failure)
        {
            error = failure.Outcome.ToString();
            if (failure.Outcome is PublishOutcome.Returned or PublishOutcome.Unknown)
            {
                // It found no queue, or its channel was closed because an exchange is gone: declare what is missing for the next one.
                _ = RepairAsync();
            }

            throw;
        }
        finally
        {
            telemetry.Sent(message.Destination, clock.GetElapsedTime(start), error);
        }
    }

    /// <summary>Declares what is missing on the broker.</summary>
    public Task RepairAsync() => connection.TryRepairAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Limits.DisposeAsync(_current?.Channel, clock);
        _opening.Dispose();
    }

    private async ValueTask<Publishing> StartAsync(OutgoingMessage message, CancellationToken cancellationToken)
    {
        PublishChannel open = await EnterWindowAsync(cancellationToken);
        if (!open.Channel.IsOpen)
        {
            open.Leave();
            throw Unavailable(connection.Problem);
        }

        int place = open.Begin();
        return new Publishing(open, RunAsync(open, place, message));
    }

    // The place in the window is free when the publish itself has ended, not when its caller stopped waiting. Never throws: then nobody may wait any more.
    private async Task<Exception?> RunAsync(PublishChannel open, int place, OutgoingMessage message)
    {
        Exception? failure = null;
        try
        {
            // Never the caller's token: what was written cannot be taken back, and takes its place in the window until the broker has answered.
            await open.Channel.BasicPublishAsync(
                message.Exchange, message.RoutingKey, message.Mandatory, message.Properties, message.Body, CancellationToken.None);
        }
#pragma warning disable CA1031 // Told to who waits, whatever it is.
        catch (Exception error)
#pragma warning restore CA1031
        {
            failure = error;
        }

        EndPublish(open, place, failure);
        return failure;
    }

    // A crowd of callers waits its turn as long as the broker works; behind one that is away or blocked nobody waits for long.
    private async ValueTask<PublishChannel> EnterWindowAsync(CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        while (true)
        {
            PublishChannel open = await ChannelAsync(cancellationToken);
            if (await open.EnterAsync(ShortWait, cancellationToken))
            {
                return open;
            }

            if (connection.Problem is not null || clock.GetElapsedTime(start) > _confirmTimeout)
            {
                throw Unavailable(connection.Problem ?? "it confirms too slowly");
            }

            if (open.Oldest > Slow)
            {
                Retire(open);
            }
        }
    }

    private void EndPublish(PublishChannel open, int place, Exception? failure)
    {
        open.End(place);
        if (failure is PublishException refused)
        {
            // A channel that first published to a quorum queue while it had no leader goes on asking the dead node (seen on RabbitMQ 3.10), and
            // refuses everything, also when the queue has a leader again; a new channel finds that. A queue may also refuse because it is full.
            if (!refused.IsReturn && open.Age > ShortWait)
            {
                Retire(open);
            }
        }
        else if (failure is not null)
        {
            // After anything but a return or a nack the channel's numbering is doubtful (7.2 counts back on a failure).
            Discard(open);
        }
        else
        {
            Volatile.Write(ref _confirmedAt, clock.GetTimestamp());
        }

        CloseRetired();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ConfirmAsync(Publishing publishing, OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        Exception? failure;
        try
        {
            failure = await publishing.Ended.WaitAsync(confirmTimeout, clock, cancellationToken);
        }
        catch (TimeoutException timeout)
        {
            // A queue that does not confirm must not keep the window from all the others.
            Retire(publishing.On);
            throw new PublishFailedException(PublishOutcome.Unknown, $"The broker did not confirm within {confirmTimeout}.", timeout);
        }

        switch (failure)
        {
            case null:
                return;
            case PublishException { IsReturn: true }:
                throw new PublishFailedException(
                    PublishOutcome.Returned, $"No queue takes '{message.RoutingKey}' from exchange '{message.Exchange}'.", failure);
            case PublishException:
                throw new PublishFailedException(
                    PublishOutcome.Refused, $"The broker refused a message for '{message.RoutingKey}': its queue is full or not available.", failure);
            default:
                // Whatever the client says here, the message may have been stored.
                throw new PublishFailedException(PublishOutcome.Unknown, $"The connection was lost before the confirm: {failure.Message}", failure);
        }
    }

    private ValueTask<PublishChannel> ChannelAsync(CancellationToken cancellationToken)
    {
        if (connection.IsBlocked)
        {
            throw Unavailable(connection.Problem!);
        }

        return _current is { Channel.IsOpen: true } current ? ValueTask.FromResult(current) : new ValueTask<PublishChannel>(NewChannelAsync(cancellationToken));
    }

    private async Task<PublishChannel> NewChannelAsync(CancellationToken cancellationToken)
    {
        await connection.FirstTry.WaitAsync(Limits.Connect, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ShortWait);
        try
        {
            await _opening.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Unavailable(connection.Problem);
        }

        try
        {
            return _current is { Channel.IsOpen: true } opened ? opened : _current = await OpenAsync(limit.Token);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            throw Unavailable(connection.Problem ?? failure.Message, failure);
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<PublishChannel> OpenAsync(CancellationToken cancellationToken)
    {
        // No rate limiter: the window is ours, and the client's own sleeps up to a second and then throws.
        CreateChannelOptions confirmed = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);
        return new PublishChannel(await connection.OpenChannelAsync(confirmed, cancellationToken), options.Value.PublishWindow, clock);
    }

    // Nothing more is published on it, and what was waits for its answer, however long: to cut that would make a settlement publish again,
    // and so a copy each time. Should channels pile up, the oldest goes all the same.
    private void Retire(PublishChannel open)
    {
        if (Interlocked.CompareExchange(ref _current, null, open) != open)
        {
            return;
        }

        PublishChannel? oldest = null;
        lock (_retired)
        {
            _retired.Add(open);
            if (_retired.Count > MostRetired)
            {
                oldest = _retired[0];
                _retired.RemoveAt(0);
            }
        }

        _ = Limits.DisposeAsync(oldest?.Channel, clock);
        CloseRetired();
    }

    private void CloseRetired()
    {
        PublishChannel[] done;
        lock (_retired)
        {
            if (_retired.Count == 0)
            {
                return;
            }

            done = [.. _retired.Where(open => open.IsIdle || !open.Channel.IsOpen)];
            _retired.RemoveAll(done.Contains);
        }

        foreach (PublishChannel open in done)
        {
            _ = Limits.DisposeAsync(open.Channel, clock);
        }
    }

    private void Discard(PublishChannel open)
    {
        if (Interlocked.CompareExchange(ref _current, null, open) == open)
        {
            _ = Limits.DisposeAsync(open.Channel, clock);
        }
    }

    private static PublishFailedException Unavailable(string? problem, Exception? cause = null) =>
        new(PublishOutcome.Unavailable, $"The broker is not available: {problem ?? "no connection yet"}.", cause);

    private readonly record struct Publishing(PublishChannel On, Task<Exception?> Ended);
}
