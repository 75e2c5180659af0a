using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Flow;

/// <summary>
/// The permits of one limit that this process holds. A permit is an exclusive queue by its number: the broker lets one connection have it, and takes it
/// back with that connection, so that there are never more holders than numbers, whatever dies (docs/adr/0021). A slot holds one for as long as it
/// takes from the queue; it costs nothing for each task.
/// </summary>
internal sealed class PermitPool(string queue, string prefix, int most, SupervisedConnection connection, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // What was asked for may be wanted no more, and others wait.
    private static readonly TimeSpan LongestFree = TimeSpan.FromSeconds(1);

    // A number that others hold costs a channel; of many numbers some are tried each time.
    private const int MostTries = 8;

    private readonly Lock _lock = new();
    private readonly List<Permit> _free = [];
    private readonly HashSet<int> _held = [];
    private OpenConnection? _of;
    private int _waiting;
    private int _asked;

    /// <summary>Why none can be had, though there is a connection; null while they can.</summary>
    public string? Problem { get; private set; }

    /// <summary>How many of them slots of this process use.</summary>
    public int Used { get; private set; }

    /// <summary>Paused while this process has none that is free.</summary>
    public PauseSwitch Switch { get; } = Paused();

    /// <summary>Says that a slot which has something else to do meanwhile would take one.</summary>
    public void Ask() => Volatile.Write(ref _asked, 1);

    /// <summary>Waits until there may be one.</summary>
    public async Task WaitAsync(CancellationToken stopping)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await Switch.WaitResumedAsync(stopping);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Takes a permit, if this process has one that is free.</summary>
    public Permit? TryTake()
    {
        lock (_lock)
        {
            _free.RemoveAll(permit => permit.IsLost);
            Permit? taken = _free.Count == 0 ? null : _free[^1];
            if (taken is not null)
            {
                _free.Remove(taken);
                Used++;
            }

            Switch.Set(paused: _free.Count == 0);
            return taken;
        }
    }

    /// <summary>A slot needs it no more.</summary>
    public void Return(Permit permit)
    {
        lock (_lock)
        {
            Used--;
            if (!permit.IsLost)
            {
                Add(permit);
            }
        }
    }

    /// <summary>Gets permits that are asked for, and gives back those that are not used, until the token is cancelled.</summary>
    public Task RunAsync(CancellationToken stopping) => Supervision.KeepAsync(HoldAsync, Ended, new Backoff(clock, LongestPause), stopping);

    private void Ended(Exception? failure)
    {
        // Without a connection there is more to say than this.
        if (failure is not null && connection.Problem is null)
        {
            Problem = $"the permits of queue {queue} cannot be had: {failure.Message}";
            logger.NoPermits(queue, failure.Message);
        }
    }

    private async Task HoldAsync(CancellationToken stopping)
    {
        OpenConnection open = await connection.WaitOpenAsync(stopping);
        if (_of != open)
        {
            // All others are lost.
            lock (_lock)
            {
                _held.Clear();
            }

            _of = open;
        }

        using PeriodicTimer timer = new(Interval, clock);
        while (!open.Lost.IsCompleted)
        {
            await GiveBackAsync(open, stopping);
            await GetAsync(open, stopping);
            Problem = null;
            await timer.WaitForNextTickAsync(stopping);
        }
    }

    private async Task GetAsync(OpenConnection open, CancellationToken stopping)
    {
        int wanted = Interlocked.Exchange(ref _asked, 0) + Volatile.Read(ref _waiting);
        foreach (int number in Candidates(wanted))
        {
            lock (_lock)
            {
                if (_free.Count >= wanted)
                {
                    return;
                }
            }

            if (await TryHoldAsync(open, number, stopping))
            {
                lock (_lock)
                {
                    _held.Add(number);
                    Add(new Permit(number, open));
                }
            }
        }
    }

    private int[] Candidates(int wanted)
    {
        if (wanted == 0)
        {
            return [];
        }

        lock (_lock)
        {
            int[] others = [.. Enumerable.Range(1, most).Where(number => !_held.Contains(number))];
            Random.Shared.Shuffle(others);
            return others[..Math.Min(others.Length, MostTries + wanted)];
        }
    }

    private async Task<bool> TryHoldAsync(OpenConnection open, int number, CancellationToken stopping)
    {
        IChannel channel = await Limits.OpenAsync(open.Connection.CreateChannelAsync(null, CancellationToken.None), Limits.Rpc, clock, stopping);
        try
        {
            await channel.QueueDeclareAsync(NameOf(number), durable: false, exclusive: true, autoDelete: false, cancellationToken: CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            return true;
        }
        catch (OperationInterruptedException locked) when (locked.ShutdownReason?.ReplyCode == Constants.ResourceLocked)
        {
            return false;
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }

    private async Task GiveBackAsync(OpenConnection open, CancellationToken stopping)
    {
        Permit[] unused;
        lock (_lock)
        {
            unused = [.. _free.Where(permit => clock.GetElapsedTime(permit.FreeSince) > LongestFree)];
            _free.RemoveAll(unused.Contains);
            Switch.Set(paused: _free.Count == 0);
        }

        if (!unused.Any(permit => !permit.IsLost))
        {
            return;
        }

        await using IChannel channel = await Limits.OpenAsync(open.Connection.CreateChannelAsync(null, CancellationToken.None), Limits.Rpc, clock, stopping);
        foreach (Permit permit in unused.Where(permit => permit.Of == open))
        {
            // First: should the broker not answer, this connection may declare it again.
            lock (_lock)
            {
                _held.Remove(permit.Number);
            }

            await channel.QueueDeleteAsync(NameOf(permit.Number), ifUnused: false, ifEmpty: false, cancellationToken: CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
        }
    }

    private void Add(Permit permit)
    {
        permit.FreeSince = clock.GetTimestamp();
        _free.Add(permit);
        Switch.Set(paused: false);
    }

    private string NameOf(int number) => $"{prefix}.{number}";

    private static PauseSwitch Paused()
    {
        PauseSwitch none = new();
        none.Set(paused: true);
        return none;
    }
}
