using System.Diagnostics;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Publishing;

/// <summary>
/// The channel that is published on, and those before it whose last publishes have yet to be answered. A new one is opened when the old one is closed,
/// or a queue behind it no longer answers.
/// </summary>
internal sealed class PublishChannels(SupervisedConnection connection, IOptions<WorkQueueOptions> options, TimeProvider clock) : IAsyncDisposable
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

    /// <summary>
    /// Waits for a place in a window. A crowd of callers waits its turn as long as the broker works; behind one that is away or blocked nobody waits
    /// for long.
    /// </summary>
    /// <exception cref="PublishFailedException">The broker is not available.</exception>
    public async ValueTask<PublishChannel> EnterAsync(CancellationToken cancellationToken)
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

    public static PublishFailedException Unavailable(string? problem, Exception? cause = null) =>
        new(PublishOutcome.Unavailable, $"The broker is not available: {problem ?? "no connection yet"}.", cause);

    public async ValueTask DisposeAsync()
    {
        if (_current is { } open)
        {
            await open.CloseAsync();
        }

        _opening.Dispose();
    }

    private ValueTask<PublishChannel> ChannelAsync(CancellationToken cancellationToken)
    {
        if (connection.IsBlocked)
        {
            throw Unavailable(connection.Problem!);
        }

        return _current is { IsBroken: false } current ? ValueTask.FromResult(current) : new ValueTask<PublishChannel>(NewChannelAsync(cancellationToken));
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
            return _current is { IsBroken: false } opened ? opened : _current = await OpenAsync(limit.Token);
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
        // What outlives this publish is not of its trace.
        Activity.Current = null;
        OpenConnection within = await connection.WaitOpenAsync(cancellationToken);
        return new PublishChannel(await within.OpenChannelAsync(PublishChannel.Options, clock, cancellationToken), within.Lost, options.Value.PublishWindow, clock, Told);
    }

    private void Told(PublishChannel open, PublishOutcome? outcome)
    {
        switch (outcome)
        {
            case null:
                Volatile.Write(ref _confirmedAt, clock.GetTimestamp());
                break;
            case PublishOutcome.Unknown when !open.Channel.IsOpen:
                Discard(open);
                break;
            // Also when something could not be written: what was before it is answered yet.
            case PublishOutcome.Unknown:
                Retire(open);
                break;
            // A channel that first published to a quorum queue while it had no leader goes on asking the dead node (seen on RabbitMQ 3.10), and
            // refuses everything, also when the queue has a leader again; a new channel finds that. A queue may also refuse because it is full.
            case PublishOutcome.Refused when open.Age > ShortWait:
                Retire(open);
                break;
        }

        CloseRetired();
    }

    // Nothing more is published on a channel, and what was waits for its answer, however long: to cut that would make a settlement publish again, and so
    // a copy each time. Should channels pile up, the oldest goes all the same.
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

        _ = oldest?.CloseAsync();
        CloseRetired();
    }

    // Those that wait for nothing more.
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
            _ = open.CloseAsync();
        }
    }

    // With all that waits on it.
    private void Discard(PublishChannel open)
    {
        if (Interlocked.CompareExchange(ref _current, null, open) == open)
        {
            _ = open.CloseAsync();
        }
    }
}
