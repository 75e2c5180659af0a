using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Leading;

/// <summary>
/// One channel that consumes the leader's queue, and on which everything is published that a leader does. The broker takes nothing from a channel that is gone:
/// a program that was stopped for a while, and goes on believing that it leads, can do nothing. For one whose channel stands all the same see <see cref="LeaderLog"/>.
/// </summary>
internal sealed class LeaderSession : ILeaderSession, IPublisher, IAsyncDisposable
{
    /// <summary>Says nothing; whoever gets it leads.</summary>
    public const string Token = "token";

    /// <summary>A command that has waited for longer here is passed over: whoever asked is told by then that it was not done.</summary>
    public static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(5);

    // Commands held here at once: the ends of a batch's members among them are one entry of the log.
    private const ushort Prefetch = 500;

    private readonly SupervisedConnection _connection;
    private readonly IChannel _channel;
    private readonly LeaderTopology _topology;
    private readonly TimeSpan _confirmTimeout;
    private readonly TimeProvider _clock;
    private readonly TaskConfirms _confirms;
    private readonly CancellationTokenSource _disposed = new();
    private readonly Channel<LeaderDelivery> _inbox = Channel.CreateUnbounded<LeaderDelivery>(new UnboundedChannelOptions { SingleReader = true });

    private LeaderSession(SupervisedConnection connection, IChannel channel, IServiceProvider services)
    {
        (_connection, _channel, _clock) = (connection, channel, services.GetRequiredService<TimeProvider>());
        _topology = services.GetRequiredService<TaskTopology>().Leader;
        _confirmTimeout = services.GetRequiredService<IOptions<WorkQueueOptions>>().Value.ConfirmTimeout;
        _confirms = new TaskConfirms(_clock);
        Tasks = ActivatorUtilities.CreateInstance<TaskPublisher>(services, this);
    }

    public TaskPublisher Tasks { get; }

    /// <summary>Which session it is, in the log.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Entries that it has written since everything was written anew, and their bytes.</summary>
    public (long Entries, long Bytes) Written { get; private set; }

    /// <summary>Stands for election.</summary>
    /// <param name="connection">The publishing connection: an alarm would block the acknowledgements of the other one.</param>
    /// <param name="services">The services of the program.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<LeaderSession> OpenAsync(SupervisedConnection connection, IServiceProvider services, CancellationToken cancellationToken)
    {
        System.Diagnostics.Activity.Current = null;
        OpenConnection open = await connection.WaitOpenAsync(cancellationToken);
        IChannel channel = await connection.OpenChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken);
        LeaderSession session = new(connection, channel, services);
        try
        {
            await session.ConsumeAsync(open, cancellationToken);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>The next command. Nobody who does not lead gets one.</summary>
    /// <param name="limit">How long to wait.</param>
    /// <param name="stopping">Stops the waiting.</param>
    /// <returns>Null when none came in time.</returns>
    /// <exception cref="ChannelClosedException">This program leads no longer, or never will by this session; the message says why.</exception>
    public async Task<LeaderDelivery?> NextAsync(TimeSpan limit, CancellationToken stopping)
    {
        if (TryNext() is { } waiting)
        {
            return waiting;
        }

        if (limit <= TimeSpan.Zero)
        {
            // A cancelled wait would hide that the session has ended.
            return _inbox.Reader.Completion.IsCompleted ? await _inbox.Reader.ReadAsync(stopping) : null;
        }

        using CancellationTokenSource timer = new(limit, _clock);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stopping, timer.Token);
        try
        {
            return await _inbox.Reader.ReadAsync(end.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>One that is here already; null where none is.</summary>
    public LeaderDelivery? TryNext() => _inbox.Reader.TryRead(out LeaderDelivery? waiting) ? waiting : null;

    public Task AckAsync(LeaderDelivery delivery) => _channel.BasicAckAsync(delivery.Tag, multiple: false, CancellationToken.None).AsTask().WaitAsync(Limits.Rpc, _clock);

    /// <summary>Sends the leader, which may be another, a token.</summary>
    public Task SendTokenAsync() => PublishAsync(MessageOf(_topology.Queue, new LeaderEntry(Token, default)), _confirmTimeout, CancellationToken.None).AsTask();

    public async Task WriteAsync(LeaderEntry entry)
    {
        await PublishAsync(MessageOf(_topology.Log, entry with { Leader = Id }), _confirmTimeout, CancellationToken.None);
        lock (_inbox)
        {
            Written = entry.Kind == LeaderLog.Whole ? default : (Written.Entries + 1, Written.Bytes + entry.Body.Length);
        }
    }

    public Task ReplyAsync(string queue, LeaderEntry entry) =>
        PublishAsync(MessageOf(queue, entry) with { Destination = _topology.Queue, Mandatory = false }, _confirmTimeout, CancellationToken.None).AsTask();

    public async ValueTask PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        try
        {
            // Without its log, and what else has no exchange, it can do nothing; without one of many queues it can.
            await (message.Exchange.Length > 0 ? _confirms.SendAsync(message, confirmTimeout, Send, cancellationToken) : Send().WaitAsync(confirmTimeout, _clock, cancellationToken));
        }
        catch (PublishException refusal)
        {
            throw PublishFailedException.Of(refusal.IsReturn ? PublishOutcome.Returned : PublishOutcome.Refused, message.Exchange, message.RoutingKey, refusal);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested && failure is not PublishFailedException)
        {
            // Whatever happened to it: what is done after it must not count on it.
            _ = End(failure.Message);
            throw new PublishFailedException(PublishOutcome.Unknown, $"The leader's channel was lost before the confirm: {failure.Message}", failure);
        }

        Task Send() => _channel.BasicPublishAsync(message.Exchange, message.RoutingKey, message.Mandatory, message.Properties, message.Body, CancellationToken.None).AsTask();
    }

    public Task RepairAsync() => _connection.TryRepairAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        _ = End("the session ended");
        await _disposed.CancelAsync();
        _disposed.Dispose();
        await Limits.DisposeAsync(_channel, _clock);
    }

    /// <summary>A message to the queue, or of the log.</summary>
    public static OutgoingMessage MessageOf(string queue, LeaderEntry entry)
    {
        BasicProperties properties = new() { Persistent = true, Type = entry.Kind, ContentType = "application/json" };
        if (entry.By is { } by)
        {
            properties.CorrelationId = by;
        }

        if (entry.Leader is { } leader)
        {
            // Two logs, one made anew for the other, differ by it.
            (properties.AppId, properties.MessageId) = (leader, Guid.NewGuid().ToString());
        }

        return new OutgoingMessage("", queue, queue, properties, entry.Body);
    }

    private async Task ConsumeAsync(OpenConnection open, CancellationToken cancellationToken)
    {
        _channel.ChannelShutdownAsync += (_, shutdown) => End(shutdown.ReplyText);
        // Taken off again: the connection may outlive many sessions.
        _ = open.Lost.ContinueWith(lost => End(lost.Result), _disposed.Token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await _channel.BasicQosAsync(0, Prefetch, global: false, CancellationToken.None).WaitAsync(Limits.Rpc, _clock, cancellationToken);
        AsyncEventingBasicConsumer consumer = new(_channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            LeaderEntry command = new(delivery.BasicProperties.Type ?? "", delivery.Body.ToArray(), delivery.BasicProperties.CorrelationId);
            _inbox.Writer.TryWrite(new LeaderDelivery(delivery.DeliveryTag, command, _clock.GetTimestamp()));
            return Task.CompletedTask;
        };
        consumer.UnregisteredAsync += (_, _) => End("the broker cancelled the consumer");
        await _channel.BasicConsumeAsync(_topology.Queue, autoAck: false, consumer, CancellationToken.None).WaitAsync(Limits.Rpc, _clock, cancellationToken);
    }

    private Task End(string reason)
    {
        _inbox.Writer.TryComplete(new IOException(reason));
        return Task.CompletedTask;
    }
}
