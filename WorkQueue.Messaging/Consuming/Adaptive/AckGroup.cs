using RabbitMQ.Client;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>
/// Short tasks that are done, and to be acknowledged together: that costs the broker less, and with tasks so short the broker is what a slot waits for (docs/performance.md).
/// One acknowledgement covers all deliveries up to its own, so that they are an unbroken row.
/// </summary>
/// <param name="channel">The channel that delivers, and on which nothing is left from before.</param>
/// <param name="settler">Acknowledges.</param>
/// <param name="most">With how many it is full.</param>
/// <param name="clock">The clock.</param>
#pragma warning disable CA1001 // A semaphore whose handle nobody asks for holds nothing.
internal sealed class AckGroup(IChannel channel, TaskSettler settler, int most, TimeProvider clock) : IAsyncDisposable
#pragma warning restore CA1001
{
    // A few times as long as a group of short tasks takes.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    // An acknowledgement that was overtaken by a later one would be of nothing, for which the broker closes the channel.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly List<TaskDelivery> _done = [];
    private ITimer? _due;
    private ulong? _doneUpTo;

    /// <summary>Completes when the acknowledgement of so many may be sent.</summary>
    public required Func<int, Task> MayAck { get; init; }

    /// <summary>Told of each delivery when it has been acknowledged, or could not be.</summary>
    public required Action<TaskDelivery, bool> Acknowledged { get; init; }

    /// <summary>It waits for no more.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
            {
                return _done.Count >= most;
            }
        }
    }

    /// <summary>A delivery has come; each is to be told of, as they come.</summary>
    public void Received(TaskDelivery delivery) => _doneUpTo ??= delivery.Tag - 1;

    /// <summary>A task is done. It is acknowledged with others, in a few milliseconds at most.</summary>
    /// <returns>False when one before it is not, and it has to be acknowledged by itself.</returns>
    public bool TryAdd(TaskDelivery delivery)
    {
        lock (_lock)
        {
            if (!TryPass(delivery))
            {
                return false;
            }

            _done.Add(delivery);
            if (_done.Count == 1)
            {
                _due ??= clock.CreateTimer(_ => _ = FlushAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _due.Change(Longest, Timeout.InfiniteTimeSpan);
            }

            return true;
        }
    }

    /// <summary>A delivery has been acknowledged by itself.</summary>
    public void Passed(TaskDelivery delivery)
    {
        lock (_lock)
        {
            TryPass(delivery);
        }
    }

    /// <summary>Acknowledges those that are done. Never throws.</summary>
    public async Task FlushAsync()
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            TaskDelivery[] done;
            lock (_lock)
            {
                done = [.. _done];
                _done.Clear();
            }

            if (done.Length == 0)
            {
                return;
            }

            await MayAck(done.Length);
            bool isAcknowledged = await TryAckAsync(done[^1]);
            foreach (TaskDelivery delivery in done)
            {
                Acknowledged(delivery, isAcknowledged);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await FlushAsync();
        await (_due?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private bool TryPass(TaskDelivery delivery)
    {
        bool isNext = delivery.Tag - 1 == _doneUpTo;
        _doneUpTo = isNext ? delivery.Tag : _doneUpTo;
        return isNext;
    }

    private async Task<bool> TryAckAsync(TaskDelivery last)
    {
        try
        {
            return await settler.AckAsync(channel, last, andBefore: true);
        }
#pragma warning disable CA1031 // Whatever it is, the channel is lost, and they come again.
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }
    }
}
