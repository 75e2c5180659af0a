using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Connections;

/// <summary>A connection, and when it is lost.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Lost">
/// Completes, with the reason, as soon as the connection is lost. A channel's own event may come later: the client raises those one after the other.
/// </param>
internal sealed record OpenConnection(IConnection Connection, Task<string> Lost)
{
    /// <summary>A new channel on it.</summary>
    public Task<IChannel> OpenChannelAsync(CreateChannelOptions? options, TimeProvider clock, CancellationToken cancellationToken) =>
        Limits.OpenAsync(Connection.CreateChannelAsync(options, CancellationToken.None), Limits.Rpc, clock, cancellationToken);
}

/// <summary>
/// One connection to the broker, opened again whenever it is lost. The client's own recovery is off: it redelivers into a handler
/// that still runs, loses consumers and can loop for ever (docs/adr/0002).
/// </summary>
internal sealed class SupervisedConnection(
    string purpose, Connector connector, TopologyKeeper topology, ILogger logger, TimeProvider clock, IUnreadableMessages? unreadable = null)
{
    // A broker that is back is to be used within five seconds, however long it was away.
    private readonly Backoff _backoff = new(clock, longest: TimeSpan.FromSeconds(4));
    private bool _hasDoubted;
    private readonly TaskCompletionSource _firstTry = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<OpenConnection> _open = NewSignal();
    private volatile string? _problem = "not connected yet";
    private volatile bool _blocked;

    // Why a message that ended the connection could not be set aside.
    private string? _stuck;

    /// <summary>What is wrong with the connection, or null when it is usable.</summary>
    public string? Problem => _blocked ? "the broker blocks publishers (memory or disk alarm)" : _problem;

    /// <summary>The broker has an alarm and takes no publishes.</summary>
    public bool IsBlocked => _blocked;

    /// <summary>Completes when the first try to connect has ended, either way: a program that has just started is not yet without a broker.</summary>
    public Task FirstTry => _firstTry.Task;

    /// <summary>The open connection, as soon as there is one.</summary>
    public Task<OpenConnection> WaitOpenAsync(CancellationToken cancellationToken) => Volatile.Read(ref _open).Task.WaitAsync(cancellationToken);

    /// <summary>Until it is disposed of, messages of a queue come by this connection; see <see cref="IUnreadableMessages.Reads"/>.</summary>
    public IDisposable? Reads(string queue, int most, int behind) => unreadable?.Reads(queue, most, behind);

    /// <summary>A new channel on the open connection, as soon as there is one.</summary>
    public async Task<IChannel> OpenChannelAsync(CreateChannelOptions? options, CancellationToken cancellationToken) =>
        await (await WaitOpenAsync(cancellationToken)).OpenChannelAsync(options, clock, cancellationToken);

    /// <summary>Keeps the connection open until the token is cancelled.</summary>
    /// <exception cref="BrokerRefusedException">
    /// This program has never been accepted, and trying again cannot help: wrong credentials, no such vhost, no permission, other queue arguments.
    /// One that has worked before outlives a user or vhost that is away for a while.
    /// </exception>
    public Task RunAsync(CancellationToken stopping) => Supervision.KeepAsync(RunOnceAsync, Ended, _backoff, stopping);

    /// <summary>As <see cref="RepairAsync"/>, for those who have no use for a failure: the supervisor reports what is final.</summary>
    public async Task TryRepairAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limits.Rpc);
        await RepairAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Declares what is missing; see <see cref="TopologyKeeper.RepairAsync"/>.</summary>
    public async Task RepairAsync(CancellationToken cancellationToken) => await topology.RepairAsync((await WaitOpenAsync(cancellationToken)).Connection, cancellationToken);

    private async Task RunOnceAsync(CancellationToken stopping)
    {
        TaskCompletionSource<string> lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        IConnection connection = await connector.ConnectAsync(stopping);
        try
        {
            connection.ConnectionShutdownAsync += (_, shutdown) => Signal(lost, shutdown);
            connection.ConnectionBlockedAsync += (_, blocked) => OnBlocked(blocked.Reason);
            connection.ConnectionUnblockedAsync += (_, _) => OnUnblocked();
            // A first call over the wire, besides: 7.2 reports a connection as open before the broker has accepted it (rabbitmq-dotnet-client issue 2000).
            await topology.DeclareAsync(connection, stopping);
            Publish(new OpenConnection(connection, lost.Task));
            await lost.Task.WaitAsync(stopping);
            logger.ConnectionLost(purpose, await lost.Task);
        }
        finally
        {
            Withdraw();
            await Limits.DisposeAsync(connection, clock, stopping.IsCancellationRequested ? Limits.LastClose : Limits.Close);
            // One that does not answer may end later, and what it says then is of no other one.
            lost.TrySetResult("it was given up");
            await SetAsideAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Before it is opened again, and meets the same message.
    private async Task SetAsideAsync(CancellationToken stopping)
    {
        if (unreadable is not null)
        {
            _stuck = await unreadable.SetAsideAsync(stopping);
            _problem = _stuck ?? _problem;
        }
    }

    private void Ended(Exception? failure)
    {
        if (failure is null)
        {
            return;
        }

        BrokerRefusedException? refused = connector.Refusal(failure);
        _problem = _stuck ?? refused?.Message ?? Connector.Describe(failure);
        _stuck = null;
        _firstTry.TrySetResult();
        if (!topology.HasDeclared && refused is not null)
        {
            throw refused;
        }

        logger.ConnectionFailed(purpose, _problem);
    }

    private void Publish(OpenConnection open)
    {
        _backoff.Opened();
        _problem = null;
        if (!_hasDoubted && purpose == ConnectionPurpose.Publish && connector.Doubt(open.Connection.ServerProperties) is { } doubt)
        {
            _hasDoubted = true;
            logger.BrokerDoubtful(doubt);
        }

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
        // The client may say it twice of one connection (a broker that closes what this side is closing), and by then another may be open.
        if (lost.Task.IsCompleted)
        {
            return Task.CompletedTask;
        }

        if (unreadable?.Suspects(shutdown) == true)
        {
            _problem = $"a message that cannot be read ended the connection ({shutdown.ReplyText}); it is being set aside";
        }

        // At once: who is told of the end by a channel and asks for another must not be given this connection again.
        Withdraw();
        lost.TrySetResult(shutdown.ReplyText);
        return Task.CompletedTask;
    }

    private static TaskCompletionSource<OpenConnection> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
