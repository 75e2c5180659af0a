using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Connections;

/// <summary>Declares exchanges, queues and bindings on a connection when it is opened, and again when something is missing.</summary>
/// <param name="declarer">What there is to declare.</param>
/// <param name="takesTurn">
/// Whether it declares in turn with other programs. To take a turn is to publish, and whoever publishes is blocked by the broker's alarms: a connection
/// that consumes must not be, and waits for the other one to declare.
/// </param>
/// <param name="logger">The log.</param>
/// <param name="clock">The clock.</param>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class TopologyKeeper(TopologyDeclarer declarer, bool takesTurn, ILogger logger, TimeProvider clock)
#pragma warning restore CA1001
{
    // After its turn.
    private static readonly TimeSpan DeclareLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RepairInterval = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _repairing = new(1);
    private long _repairedAt;

    /// <summary>This program has declared everything before.</summary>
    public bool HasDeclared => declarer.Declared.IsCompleted;

    /// <summary>Declares what is missing, for example a queue somebody deleted; not more often than once a second.</summary>
    public async Task RepairAsync(IConnection connection, CancellationToken cancellationToken)
    {
        await _repairing.WaitAsync(cancellationToken);
        try
        {
            if (_repairedAt == 0 || clock.GetElapsedTime(_repairedAt) > RepairInterval)
            {
                // Whether or not it succeeds: what fails for good is not tried with every publish.
                _repairedAt = clock.GetTimestamp();
                await DeclareAsync(connection, cancellationToken);
            }
        }
        finally
        {
            _repairing.Release();
        }
    }

    /// <summary>Declares what is missing; or, where this program may declare nothing, finds that all is there.</summary>
    public async Task DeclareAsync(IConnection connection, CancellationToken stopping)
    {
        await using DeclareTurn? turn = takesTurn && declarer.Lock is { } name ? await DeclareTurn.TakeAsync(connection, name, clock, stopping) : null;
        if (!takesTurn)
        {
            await declarer.Declared.WaitAsync(DeclareTurn.Longest + DeclareLimit, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stopping.ThrowIfCancellationRequested();
        }

        bool onlyFinds = false;
        while (true)
        {
            try
            {
                await DeclareAsync(connection, onlyFinds, stopping);
                return;
            }
            catch (OperationInterruptedException refused) when (!onlyFinds && refused.ShutdownReason?.ReplyCode == Constants.AccessRefused && connection.IsOpen)
            {
                // Its user need not be one that may configure, where somebody else has.
                onlyFinds = true;
            }
            catch (OperationInterruptedException gone) when (gone.ShutdownReason?.ReplyCode == Constants.NotFound && connection.IsOpen && declarer.ForgetsAccepted())
            {
                // Declared with the limit of this version next.
            }
            catch (TopologyMismatchException mismatch) when (declarer.Accepts(mismatch) && connection.IsOpen)
            {
                logger.OldDeliveryLimit(mismatch.Name, mismatch.Current);
            }
        }
    }

    private async Task DeclareAsync(IConnection connection, bool onlyFinds, CancellationToken stopping)
    {
        IChannel channel = await Limits.OpenAsync(connection.CreateChannelAsync(null, CancellationToken.None), Limits.Rpc, clock, stopping);
        try
        {
            await declarer.DeclareAsync(new Declaration(channel, onlyFinds, stopping));
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }
}
