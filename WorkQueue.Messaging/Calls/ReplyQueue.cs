using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Calls;

/// <summary>
/// Where the replies to this process's calls come in; made with the first call. It is gone with its connection, and with it the replies:
/// the calls that wait for one fail at once.
/// </summary>
internal sealed class ReplyQueue(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TimeProvider clock, ILogger<ReplyQueue> logger) : BackgroundService, IReplies
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _needed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Dictionary<string, PendingCall> _pending = new(StringComparer.Ordinal);
    private TaskCompletionSource<string> _name = NewName();

    public async Task<PendingCall> ExpectAsync(string id, CancellationToken cancellationToken)
    {
        _needed.TrySetResult();
        await connection.FirstTry.WaitAsync(Limits.Connect, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (true)
        {
            string name = await NameAsync(id, cancellationToken);
            lock (_lock)
            {
                // Another name, or none: the connection was lost since, and whom it failed this one was not among.
                if (_name.Task is { IsCompletedSuccessfully: true, Result: { } current } && current == name)
                {
                    // Not the task's id: a call that is made again must not be told how the copy before it ended.
                    string correlation = Guid.NewGuid().ToString();
                    PendingCall call = new(id, name, correlation, () => Forget(correlation));
                    _pending.Add(correlation, call);
                    return call;
                }
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _needed.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await new PrivateQueue("replies", connection, Receive, clock, logger) { Opened = Open, Lost = Fail }.RunAsync(stoppingToken);
    }

    private Task Receive(PrivateDelivery delivery)
    {
        Reply reply = ReplyCodec.Read(delivery.Properties, delivery.Body);
        PendingCall? call;
        lock (_lock)
        {
            call = reply.CorrelationId is { } correlation ? _pending.GetValueOrDefault(correlation) : null;
        }

        if (call?.Answer(reply) != true)
        {
            logger.ReplyIgnored(reply.CorrelationId);
        }

        return Task.CompletedTask;
    }

    private async Task<string> NameAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            return await Volatile.Read(ref _name).Task.WaitAsync(PublishChannels.ShortWait, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TaskNotEnqueuedException(PublishOutcome.Unavailable, id, $"The broker is not available: {connection.Problem ?? "there is no queue for the reply"}.");
        }
    }

    private void Open(string name)
    {
        lock (_lock)
        {
            _name.TrySetResult(name);
        }
    }

    private void Fail(string reason)
    {
        Dictionary<string, PendingCall> lost;
        lock (_lock)
        {
            (lost, _pending) = (_pending, new(StringComparer.Ordinal));
            Volatile.Write(ref _name, _name.Task.IsCompleted ? NewName() : _name);
        }

        foreach (PendingCall call in lost.Values)
        {
            call.Fail(new CallFailedException(
                CallOutcome.Unknown, call.Task, $"The connection was lost before the reply to task {call.Task} ({reason}); its outcome is unknown. Look it up, or call again under the same id."));
        }
    }

    private void Forget(string correlation)
    {
        lock (_lock)
        {
            _pending.Remove(correlation);
        }
    }

    private static TaskCompletionSource<string> NewName() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>A call that waits for its reply.</summary>
internal sealed class PendingCall(string task, string replyTo, string correlation, Action forget) : IDisposable
{
    private readonly TaskCompletionSource<Reply> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The id of the task that is called.</summary>
    public string Task { get; } = task;

    /// <summary>What the reply repeats.</summary>
    public string Correlation { get; } = correlation;

    /// <summary>Where the reply is to be sent.</summary>
    public string ReplyTo { get; } = replyTo;

    public Task<Reply> Reply => _reply.Task;

    /// <returns>False where it has its reply already.</returns>
    public bool Answer(Reply reply) => _reply.TrySetResult(reply);

    public void Fail(CallFailedException failure) => _reply.TrySetException(failure);

    public void Dispose() => forget();
}
