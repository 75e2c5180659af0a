using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Publishing;

/// <summary>
/// Publishes all that the client can: always confirmed, persistent and mandatory, many at once on one channel, at most
/// <see cref="WorkQueueOptions.PublishWindow"/> in flight.
/// </summary>
internal sealed class ConfirmedPublisher(
    SupervisedConnection connection, IOptions<WorkQueueOptions> options, WorkQueueTelemetry telemetry, TimeProvider clock) : IPublisher, IAsyncDisposable
{
    private readonly PublishChannels _channels = new(connection, options, clock);

    /// <summary>What keeps the broker from confirming although the connection stands, or null.</summary>
    public string? Problem => _channels.Problem;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        string? error = "cancelled";
        try
        {
            PublishChannel open = await _channels.EnterAsync(cancellationToken);
            if (!open.Channel.IsOpen)
            {
                open.Leave();
                throw PublishChannels.Unavailable(connection.Problem);
            }

            await RunAsync(open, message, confirmTimeout, cancellationToken);
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

    public Task RepairAsync() => connection.TryRepairAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => _channels.DisposeAsync();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RunAsync(PublishChannel open, OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        int place = open.Begin();
        // Never the caller's token: what was written cannot be taken back, and takes its place in the window until the broker has answered.
        Task publish = open.Channel.BasicPublishAsync(
            message.Exchange, message.RoutingKey, message.Mandatory, message.Properties, message.Body, CancellationToken.None).AsTask();
        await publish.WaitAsync(confirmTimeout, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task<Exception?> ended = EndAsync(publish, open, place);
        if (!ended.IsCompleted)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // A queue that does not confirm must not keep the window from all the others.
            _channels.Retire(open);
            throw new PublishFailedException(PublishOutcome.Unknown, $"The broker did not confirm within {confirmTimeout}.");
        }

        Exception? failure = await ended;
        switch (failure)
        {
            case null:
                return;
            case PublishException refusal:
                throw PublishFailedException.Of(refusal, message);
            default:
                // Whatever the client says here, the message may have been stored.
                throw new PublishFailedException(PublishOutcome.Unknown, $"The connection was lost before the confirm: {failure.Message}", failure);
        }
    }

    // The place in the window is free when the publish itself has ended, not when its caller stopped waiting. Never throws: then nobody may wait any more.
    private async Task<Exception?> EndAsync(Task publish, PublishChannel open, int place)
    {
        Exception? failure = null;
        try
        {
            await publish;
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

    private void EndPublish(PublishChannel open, int place, Exception? failure)
    {
        open.End(place);
        if (failure is PublishException refused)
        {
            // A channel that first published to a quorum queue while it had no leader goes on asking the dead node (seen on RabbitMQ 3.10), and
            // refuses everything, also when the queue has a leader again; a new channel finds that. A queue may also refuse because it is full.
            if (!refused.IsReturn && open.Age > PublishChannels.ShortWait)
            {
                _channels.Retire(open);
            }
        }
        else if (failure is not null)
        {
            // After anything but a return or a nack the channel's numbering is doubtful (7.2 counts back on a failure).
            _channels.Discard(open);
        }
        else
        {
            _channels.Confirmed();
        }

        _channels.CloseRetired();
    }
}
