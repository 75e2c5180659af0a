using RabbitMQ.Client;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>
/// Acknowledges short tasks several at a time: that costs the broker less, and with tasks so short the broker is what a slot waits for (docs/performance.md). One acknowledgement
/// covers all deliveries up to its own, so that it is of an unbroken row of tasks that are done; one that is done out of turn is acknowledged by itself, as are all after it.
/// </summary>
/// <param name="channel">The channel that delivers, and on which nothing is left from before.</param>
/// <param name="settler">Acknowledges.</param>
/// <param name="most">How many tasks wait for their acknowledgement at most.</param>
/// <param name="clock">The clock.</param>
#pragma warning disable CA1001 // A semaphore whose handle nobody asks for holds nothing.
internal sealed class AckGroup(IChannel channel, TaskSettler settler, int most, TimeProvider clock)
#pragma warning restore CA1001
{
    // A few times as long as a group of short tasks takes.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    // An acknowledgement that overtook a later one would be of nothing, for which the broker closes the channel.
    private readonly SemaphoreSlim _turn = new(1);
    private ulong? _doneUpTo;
    private TaskDelivery? _last;
    private int _count;
    private long _since;

    /// <summary>Whether one that is done has waited for so long that no other task is to begin before it is acknowledged.</summary>
    public bool IsDue
    {
        get
        {
            lock (_lock)
            {
                return _count > 0 && clock.GetElapsedTime(_since) > Longest;
            }
        }
    }

    /// <summary>A delivery has come; each is to be told of, as they come.</summary>
    public void Received(TaskDelivery delivery) => _doneUpTo ??= delivery.Tag - 1;

    /// <summary>A task is done, and to be acknowledged.</summary>
    /// <returns>False when it could not be.</returns>
    public ValueTask<bool> AddAsync(TaskDelivery delivery)
    {
        bool isNext;
        lock (_lock)
        {
            isNext = IsNext(delivery);
            if (isNext)
            {
                (_doneUpTo, _last, _since) = (delivery.Tag, delivery, _count == 0 ? clock.GetTimestamp() : _since);
                if (++_count < most)
                {
                    return ValueTask.FromResult(true);
                }
            }
        }

        return isNext ? FlushAsync() : settler.AckAsync(channel, delivery);
    }

    /// <summary>A delivery has been acknowledged by itself.</summary>
    public void Settled(TaskDelivery delivery)
    {
        lock (_lock)
        {
            _doneUpTo = IsNext(delivery) ? delivery.Tag : _doneUpTo;
        }
    }

    /// <summary>Acknowledges those that are done.</summary>
    /// <returns>False when that could not be.</returns>
    public async ValueTask<bool> FlushAsync()
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            TaskDelivery? last;
            lock (_lock)
            {
                (last, _last, _count) = (_last, null, 0);
            }

            return last is null || await settler.AckAsync(channel, last, andBefore: true);
        }
        finally
        {
            _turn.Release();
        }
    }

    private bool IsNext(TaskDelivery delivery) => delivery.Tag - 1 == _doneUpTo;
}
