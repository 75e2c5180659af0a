using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unreadable;

namespace WorkQueue.Messaging.Connections;

/// <summary>A connection, and when it is lost.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Lost">
/// Completes, with the reason, as soon as the connection is lost. A channel's own event may come much later: the client raises those
/// one after the other, and each waits for the handler that runs on its channel.
/// </param>
internal sealed record OpenConnection(IConnection Connection, Task<string> Lost);

/// <summary>
/// One connection to the broker, opened again whenever it is lost. The client's own recovery is off: it redelivers into a handler
/// that still runs, loses consumers and can loop for ever (docs/adr/0002).
/// </summary>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class SupervisedConnection(
    string purpose,
    string program,
    IConnectionFactory factory,
    IReadOnlyList<AmqpTcpEndpoint> endpoints,
    TopologyDeclarer declarer,
    ILogger logger,
    TimeProvider clock,
    UnreadableMessages? unreadable = null)
#pragma warning restore CA1001
{
    // A broker that is back is to be used within five seconds, however long it was away.
    private readonly Backoff _backoff = new(clock, longest: TimeSpan.FromSeconds(4));
    private readonly SemaphoreSlim _repairing = new(1);
    private long _repairedAt;
    private readonly TaskCompletionSource _firstTry = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<OpenConnection> _open = NewSignal();
    private volatile string? _problem = "not connected yet";
    private volatile bool _blocked;

    /// <summary>What is wrong with the connection, or null when it is usable.</summary>
    public string? Problem => _blocked ? "the broker blocks publishers (memory or disk alarm)" : _problem;

    /// <summary>The broker has an alarm and takes no publishes.</summary>
    public bool IsBlocked => _blocked;

    /// <summary>Completes when the first try to connect has ended, either way: a program that has just started is not yet without a broker.</summary>
    public Task FirstTry => _firstTry.Task;

    /// <summary>The open connection, as soon as there is one.</summary>
    public Task<OpenConnection> WaitOpenAsync(CancellationToken cancellationToken) => Volatile.Read(ref _open).Task.WaitAsync(cancellationToken);

    /// <summary>Until it is disposed of, messages of a queue come by this connection; see <see cref="UnreadableMessages.Reads"/>.</summary>
    public IDisposable? Reads(string queue, int most, int behind) => unreadable?.Reads(queue, most, behind);

    /// <summary>A new channel on the open connection, as soon as there is one.</summary>
    public async Task<IChannel> OpenChannelAsync(CreateChannelOptions? options, CancellationToken cancellationToken)
    {
        OpenConnection open = await WaitOpenAsync(cancellationToken);
        return await Limits.OpenAsync(open.Connection.CreateChannelAsync(options, CancellationToken.None), Limits.Rpc, clock, cancellationToken);
    }

    /// <summary>Keeps the connection open until the token is cancelled.</summary>
    /// <exception cref="BrokerRefusedException">
    /// This program has never been accepted, and trying again cannot help: wrong credentials, no such vhost, no permission, other queue arguments.
    /// One that has worked before outlives a user or vhost that is away for a while.
    /// </exception>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await RunOnceAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever went wrong, the answer is the same: say it, wait, connect again.
            catch (Exception failure) when (declarer.Declared.IsCompleted || BrokerRefusedException.From(failure, factory) is null)
#pragma warning restore CA1031
            {
                _problem = BrokerRefusedException.From(failure, factory)?.Message ?? Describe(failure);
                _firstTry.TrySetResult();
                logger.ConnectionFailed(purpose, _problem);
            }
            catch (Exception failure)
            {
                _firstTry.TrySetResult();
                throw BrokerRefusedException.From(failure, factory)!;
            }

            await SetAsideAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _backoff.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>As <see cref="RepairAsync"/>, for those who have no use for a failure: the supervisor reports what is final.</summary>
    public async Task TryRepairAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limits.Rpc);
        await RepairAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Declares what is missing, for example a queue somebody deleted; not more often than once a second.</summary>
    public async Task RepairAsync(CancellationToken cancellationToken)
    {
        OpenConnection open = await WaitOpenAsync(cancellationToken);
        await _repairing.WaitAsync(cancellationToken);
        try
        {
            if (_repairedAt == 0 || clock.GetElapsedTime(_repairedAt) > TimeSpan.FromSeconds(1))
            {
                // Whether or not it succeeds: what fails for good is not tried with every publish.
                _repairedAt = clock.GetTimestamp();
                await DeclareAsync(open.Connection, cancellationToken);
            }
        }
        finally
        {
            _repairing.Release();
        }
    }

    // After its turn.
    private static readonly TimeSpan DeclareLimit = TimeSpan.FromSeconds(5);

    private async Task DeclareAsync(IConnection connection, CancellationToken stopping)
    {
        // To take a turn is to publish, and whoever publishes is blocked by the broker's alarms. What consumes must not be: it waits for the other to declare.
        bool takesTurn = purpose == ConnectionPurpose.Publish;
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

    // One after the other, each with a limit of its own: the client waits for ever on a node that takes the connection and says nothing.
    private async Task<IConnection> ConnectAsync(CancellationToken stopping)
    {
        AmqpTcpEndpoint[] inTurn = [.. endpoints];
        Random.Shared.Shuffle(inTurn);
        TimeSpan limit = inTurn.Length == 1 ? Limits.Connect : Limits.ConnectToOne;
        List<Exception> failures = [];
        foreach (AmqpTcpEndpoint endpoint in inTurn)
        {
            try
            {
                return await Limits.OpenAsync(factory.CreateConnectionAsync([endpoint], $"{program} {purpose}", CancellationToken.None), limit, clock, stopping);
            }
            catch (Exception failure) when (failure is TimeoutException or BrokerUnreachableException && !stopping.IsCancellationRequested)
            {
                failures.Add(failure);
            }
        }

        throw failures.Count == 1 ? failures[0] : new AggregateException(failures);
    }

    private async Task RunOnceAsync(CancellationToken stopping)
    {
        TaskCompletionSource<string> lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        IConnection connection = await ConnectAsync(stopping);
        try
        {
            connection.ConnectionShutdownAsync += (_, shutdown) => Signal(lost, shutdown);
            connection.ConnectionBlockedAsync += (_, blocked) => OnBlocked(blocked.Reason);
            connection.ConnectionUnblockedAsync += (_, _) => OnUnblocked();
            // A first call over the wire, besides: 7.2 reports a connection as open before the broker has accepted it (rabbitmq-dotnet-client issue 2000).
            await DeclareAsync(connection, stopping);
            Publish(new OpenConnection(connection, lost.Task));
            await lost.Task.WaitAsync(stopping);
            logger.ConnectionLost(purpose, await lost.Task);
        }
        finally
        {
            Withdraw();
            await Limits.DisposeAsync(connection, clock, stopping.IsCancellationRequested ? Limits.LastClose : Limits.Close);
        }
    }

    // Before it is opened again, and meets the same message.
    private async Task SetAsideAsync(CancellationToken stopping)
    {
        if (unreadable is not null)
        {
            _problem = await unreadable.SetAsideAsync(stopping) ?? _problem;
        }
    }

    private void Publish(OpenConnection open)
    {
        _backoff.Opened();
        _problem = null;
        logger.Connected(purpose, open.Connection.Endpoint.HostName, open.Connection.Endpoint.Port);
        _open.TrySetResult(open);
        _firstTry.TrySetResult();
    }

    private void Withdraw()
    {
        _blocked = false;
        _problem ??= "the connection was lost";
        if (_open.Task.IsCompleted)
        {
            Volatile.Write(ref _open, NewSignal());
        }
    }

    private Task OnBlocked(string reason)
    {
        _blocked = true;
        logger.Blocked(purpose, reason);
        return Task.CompletedTask;
    }

    private Task OnUnblocked()
    {
        _blocked = false;
        logger.Unblocked(purpose);
        return Task.CompletedTask;
    }

    private Task Signal(TaskCompletionSource<string> lost, ShutdownEventArgs shutdown)
    {
        if (unreadable?.Suspects(shutdown) == true)
        {
            _problem = $"a message that cannot be read ended the connection ({shutdown.ReplyText}); it is being set aside";
        }

        // At once: who is told of the end by a channel and asks for another must not be given this connection again.
        Withdraw();
        lost.TrySetResult(shutdown.ReplyText);
        return Task.CompletedTask;
    }

    private static string Describe(Exception failure) => failure switch
    {
        AggregateException many => string.Join("; ", many.InnerExceptions.Select(Describe).Distinct()),
        BrokerUnreachableException { InnerException: { } inner } => inner.GetBaseException().Message,
        TimeoutException => "the broker does not answer",
        _ => failure.Message,
    };

    private static TaskCompletionSource<OpenConnection> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
