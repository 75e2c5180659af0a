using System.Globalization;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Consuming;

/// <summary>The place of a slot on a channel, for one consumer.</summary>
internal sealed class SlotSeat(Lock all, TimeProvider clock)
{
    private static int _tags;

    private readonly TaskCompletionSource _isGivenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _held;
    private TaskConsumer? _consumer;
    private Task? _cancelled;

    /// <summary>The channel, and the others on it.</summary>
    public SlotChannel Of { get; set; } = null!;

    public IChannel Channel => Of.Channel;

    /// <summary>The consumer's tag, of this side's making: so that it can be cancelled whether or not the broker has answered.</summary>
    public string Tag { get; } = string.Create(CultureInfo.InvariantCulture, $"slot-{Interlocked.Increment(ref _tags)}");

    /// <summary>Held while it finds out whether its lane can be consumed.</summary>
    public SemaphoreSlim? Turn { get; set; }

    /// <summary>The channel is to be closed when the last one has left it.</summary>
    public bool IsRetired => Of.IsRetired;

    /// <summary>A delivery has come by it.</summary>
    public void Holds(ulong tag) => Volatile.Write(ref _held, tag);

    /// <summary>It is acknowledged, or given back.</summary>
    public void Settled(ulong tag) => Interlocked.CompareExchange(ref _held, 0, tag);

    /// <summary>Whether no other seat had a delivery for longer when its channel ended: of several, the broker closes it for the oldest.</summary>
    public bool IsOldest(ulong tag)
    {
        lock (all)
        {
            return !Of.Seats.Any(seat => seat != this && Volatile.Read(ref seat._held) is > 0 and var held && held < tag);
        }
    }

    /// <summary>Subscribes.</summary>
    public async Task SubscribeAsync(string queue, TaskConsumer consumer, Dictionary<string, object?>? arguments, CancellationToken stopping)
    {
        lock (all)
        {
            _consumer = consumer;
        }

        if (Of.Prefetch != consumer.Prefetch)
        {
            await TellPrefetchAsync(consumer.Prefetch).WaitAsync(Limits.Rpc, clock, stopping);
        }

        await CallAsync(Channel.BasicConsumeAsync(queue, autoAck: false, Tag, noLocal: false, exclusive: false, arguments, consumer, CancellationToken.None)).WaitAsync(Limits.Rpc, clock, stopping);
        lock (all)
        {
            Of.IsProven = true;
        }

        EndTurn();
        consumer.EndIfRetired();
    }

    /// <summary>Cancels the consumer, once.</summary>
    public Task CancelAsync()
    {
        lock (all)
        {
            return _cancelled ??= CallAsync(Channel.BasicCancelAsync(Tag, noWait: false, CancellationToken.None));
        }
    }

    /// <summary>A call and its answer: by then the broker has seen every acknowledgement before it.</summary>
    public Task PassAsync() => TellPrefetchAsync(Of.Prefetch);

    /// <summary>How many tasks wait in a queue, as the broker says on this channel.</summary>
    public async Task<uint> CountAsync(string queue)
    {
        Task<uint> count = Channel.MessageCountAsync(queue, CancellationToken.None);
        await CallAsync(count);
        return await count;
    }

    /// <summary>Others may find out.</summary>
    public void EndTurn()
    {
        Turn?.Release();
        Turn = null;
    }

    /// <summary>A delivery goes back with its channel; where others go on by that, when the broker has answered that this consumer gets no more, or it would have the same again at once.</summary>
    public async Task ReturnIfGivenUpAsync(ulong tag)
    {
        await _isGivenUp.Task;
        await CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Channel.IsOpen)
        {
            await Channel.BasicNackAsync(tag, multiple: false, requeue: true, CancellationToken.None).AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Settled(tag);
        }
    }

    /// <summary>
    /// The consumer is given up, and the channel: nobody joins any more, and the others end when they hold no task. What comes to it until then, or could not be settled, goes back.
    /// It is not cancelled before something does, for that can take long, or end the connection, where the queue has no leader.
    /// </summary>
    public void GiveUp()
    {
        lock (all)
        {
            Of.IsRetired = true;
            if (Of.Seats.Count > 1)
            {
                _isGivenUp.TrySetResult();
            }
        }

        foreach (TaskConsumer consumer in Consumers())
        {
            consumer.EndIfRetired();
        }
    }

    /// <summary>The channel is of no use to anybody: their tasks go back. The client tells them when the broker has answered, if it does.</summary>
    public async Task CloseAsync()
    {
        if (!Channel.IsOpen)
        {
            return;
        }

        lock (all)
        {
            Of.IsRetired = true;
        }

        foreach (TaskConsumer consumer in Consumers())
        {
            consumer.End("its channel was given up");
        }

        await Limits.DisposeAsync(Channel, clock);
    }

    /// <summary>Leaves the channel, which is closed if it is of no use to others.</summary>
    public async Task LeaveAsync()
    {
        lock (all)
        {
            // Of one that has ended, who held what longest is still asked.
            if (Channel.IsOpen)
            {
                Of.Remove(this);
            }

            if (!Of.IsOver)
            {
                return;
            }
        }

        await Limits.DisposeAsync(Channel, clock);
    }

    private TaskConsumer[] Consumers()
    {
        lock (all)
        {
            return [.. Of.Seats.Select(seat => seat._consumer).OfType<TaskConsumer>()];
        }
    }

    private async Task TellPrefetchAsync(ushort prefetch)
    {
        await CallAsync(Channel.BasicQosAsync(0, prefetch, global: false, CancellationToken.None));
        Of.Prefetch = prefetch;
    }

    // Whoever waits for it. One that gets no answer is the end of the channel: the client could take a late one for that to the next call, and a consumer may be there that nobody knows of.
    private async Task CallAsync(Task call)
    {
        try
        {
            await call;
        }
        catch
        {
            await CloseAsync();
            throw;
        }
    }
}
