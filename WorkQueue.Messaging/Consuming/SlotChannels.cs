using System.Collections.Concurrent;
using System.Diagnostics;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// The channels of a worker's slots. Where each holds one task at a time, those that take from the same lane share one, with a consumer each: to the broker a channel costs more than a
/// consumer does (docs/adr/0026). One that nobody uses any more is kept for the next: to close it and to open another takes longer than a short task.
/// </summary>
internal sealed class SlotChannels(TimeProvider clock)
{
    /// <summary>How many consumers share a channel; more would make it no faster.</summary>
    public const int MostOnOne = 16;

    // How long a slot waits for another one to find out whether its lane can be consumed. A broker that does not answer that one may answer this one.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // A cancel is to be heard of after the deliveries before it.
    private static readonly CreateChannelOptions OneAtATime = new(false, false, null, consumerDispatchConcurrency: 1);

    private readonly Lock _lock = new();
    private readonly List<SlotChannel> _channels = [];
    private readonly ConcurrentDictionary<TaskLane, SemaphoreSlim> _turns = new();

    /// <summary>A place on a channel, which is there or new.</summary>
    /// <param name="open">The connection.</param>
    /// <param name="lane">What is to be consumed there.</param>
    /// <param name="isShared">Others may take from the same lane by the same channel.</param>
    /// <param name="stopping">Ends the wait.</param>
    public async Task<SlotSeat> TakeAsync(OpenConnection open, TaskLane lane, bool isShared, CancellationToken stopping)
    {
        stopping.ThrowIfCancellationRequested();
        SlotSeat seat = new(_lock, clock);
        if (!isShared)
        {
            return await SitAloneAsync(seat, open, null, stopping);
        }

        if (TryJoin(seat, open, lane))
        {
            return seat;
        }

        // The first one opens a channel, and the others find it.
        SemaphoreSlim turn = _turns.GetOrAdd(lane, _ => new SemaphoreSlim(1, 1));
        seat.Turn = await turn.WaitAsync(Patience, stopping) ? turn : null;
        try
        {
            if (!TryJoin(seat, open, lane))
            {
                return await SitAloneAsync(seat, open, lane, stopping);
            }

            seat.EndTurn();
            return seat;
        }
        catch
        {
            seat.EndTurn();
            throw;
        }
    }

    private bool TryJoin(SlotSeat seat, OpenConnection open, TaskLane lane)
    {
        lock (_lock)
        {
            SlotChannel? found = _channels.Find(channel => channel.MayJoin(open, lane));
            found?.Add(seat);
            return found is not null;
        }
    }

    private async Task<SlotSeat> SitAloneAsync(SlotSeat seat, OpenConnection open, TaskLane? lane, CancellationToken stopping)
    {
        lock (_lock)
        {
            _channels.RemoveAll(channel => channel.IsOver);
            if (_channels.Find(channel => channel.IsFree(open)) is { } free)
            {
                (free.Lane, free.IsProven) = (lane, false);
                free.Add(seat);
                return seat;
            }
        }

        // The client hangs the spans of all deliveries under the activity that is current now.
        Activity.Current = null;
        SlotChannel opened = new(open, await open.OpenChannelAsync(OneAtATime, clock, stopping)) { Lane = lane };
        lock (_lock)
        {
            _channels.Add(opened);
            opened.Add(seat);
            return seat;
        }
    }
}

/// <summary>A channel, and who takes tasks by it. Its lock is that of all.</summary>
internal sealed class SlotChannel(OpenConnection open, IChannel channel)
{
    private readonly List<SlotSeat> _seats = [];

    public IChannel Channel => channel;

    /// <summary>The lane whose consumers share it, or null.</summary>
    public TaskLane? Lane { get; set; }

    /// <summary>A consumer of the lane has been accepted on it: the next one is not what would end it.</summary>
    public bool IsProven { get; set; }

    /// <summary>The prefetch of the consumers that come to it, once it has been told one.</summary>
    public ushort Prefetch { get; set; }

    /// <summary>Something is left on it, or went wrong: nobody joins, and it is closed when the last one has gone, who goes after the task it runs.</summary>
    public bool IsRetired { get; set; }

    /// <summary>Who has a seat.</summary>
    public IReadOnlyList<SlotSeat> Seats => _seats;

    /// <summary>It is of no more use.</summary>
    public bool IsOver => !channel.IsOpen || (IsRetired && _seats.Count == 0);

    public bool IsFree(OpenConnection by) => IsUsable(by) && _seats.Count == 0;

    public bool MayJoin(OpenConnection by, TaskLane lane) => IsUsable(by) && IsProven && Lane == lane && _seats.Count < SlotChannels.MostOnOne;

    public void Add(SlotSeat seat)
    {
        _seats.Add(seat);
        seat.Of = this;
    }

    public void Remove(SlotSeat seat) => _seats.Remove(seat);

    private bool IsUsable(OpenConnection by) => channel.IsOpen && !IsRetired && ReferenceEquals(open, by);
}
