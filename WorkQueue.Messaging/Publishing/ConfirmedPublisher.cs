using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
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
            if (open.IsBroken)
            {
                open.Leave();
                throw PublishChannels.Unavailable(connection.Problem);
            }

            PendingPublish publish = open.Publish(message, confirmTimeout);
            await using (cancellationToken.UnsafeRegister(static (waiting, token) => ((PendingPublish)waiting!).TrySetCanceled(token), publish))
            {
                if (await publish.Task is { } failure)
                {
                    throw failure;
                }
            }

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
}
