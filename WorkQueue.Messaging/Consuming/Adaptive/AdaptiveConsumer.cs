using System.Runtime.CompilerServices;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>
/// A consumer that is given more tasks than one while they are short: they wait their turn here, and go back to the queue when the one that runs
/// takes longer than the hold budget.
/// </summary>
internal sealed class AdaptiveConsumer : TaskConsumer
{
    private const string BehindLong = "the task before them runs long";
    private const string TooSlow = "they waited for too long";
    private const string BesideSuspect = "a worker may have died of one of them";
    private const string OnTheWayOut = "the worker takes no more tasks";

    // As many acknowledgements are of all it may hold.
    private const int Groups = 4;

    // For the time a task takes from one thread to another.
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan FirstTask = TimeSpan.FromSeconds(1);

    private readonly TaskQueue _queue;
    private readonly AdaptivePrefetch _adaptive;
    private readonly GiveBack _giveBack;
    // Above prefetch 1.
    private readonly WaitingTasks? _waiting;
    private readonly ITimer? _watch;
    // From a prefetch on of which some are under way while others wait for their acknowledgement.
    private readonly AckGroup? _acks;
    private long _lastEnd;
    private bool _leavesAfterThis;
    private bool _isInGroup;
    private volatile bool _isRunning;
    private volatile bool _hasLeft;
    private volatile bool _shrinks;
    private volatile string _giveBackReason = OnTheWayOut;

    /// <summary>As its base; besides it asks what decides on the prefetch.</summary>
    public AdaptiveConsumer(
        SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, TaskPipeline pipeline, AdaptivePrefetch adaptive, RunTokens tokens, Func<bool, bool> taken, CancellationToken stopping)
        : base(seat, lane, place, pipeline, tokens, taken, stopping, (ushort)adaptive.Prefetch)
    {
        _queue = lane.Queue;
        _adaptive = adaptive;
        _giveBack = new GiveBack(Channel, lane, pipeline, Lease);
        if (Prefetch > 1)
        {
            _waiting = new WaitingTasks(RunAsync, _giveBack.Stays, GiveBackAsync);
            // The first may take its time: the broker has yet to hear of this consumer.
            _acks = Prefetch >= 2 * Groups ? new AckGroup(Channel, pipeline.Settler, Prefetch / Groups, pipeline.Clock) { MayAck = Out.MayAckAsync, Acknowledged = EndHeld } : null;
            _watch = pipeline.Clock.CreateTimer(_ => Watch(), null, adaptive.Budget + FirstTask, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public override bool IsForMany => Prefetch > 1 || _adaptive.Prefetch > 1;

    /// <summary>The broker has answered the cancel, or will not: it sends no more. The next task starts when what goes back has gone.</summary>
    /// <inheritdoc/>
    public override void Left(bool givesBack)
    {
        _hasLeft = true;
        Out.Heard();
        Interlocked.MemoryBarrier();
        Task given = _waiting is not null && (givesBack || _shrinks) ? _waiting.GiveBackAsync() : Task.CompletedTask;
        _ = given.ContinueWith(_ => Out.GoOn(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    // What waits may be published again, and has its own for good.
    protected override byte[] BufferOf(int length) => _waiting is null ? base.BufferOf(length) : new byte[length];

    protected override void Receive(TaskDelivery delivery, byte[] buffer)
    {
        if (_waiting is null)
        {
            base.Receive(delivery, buffer);
            return;
        }

        _acks?.Received(delivery);
        if (delivery.IsSuspect)
        {
            // A crash counts against every task the worker held: whatever killed one is to run alone.
            Shrink(BesideSuspect);
        }

        delivery.ReceivedAt = Pipeline.Clock.GetUtcNow();
        if (!_waiting.TryAdd(delivery))
        {
            // It has ended, and the broker has this one back with the channel.
            Processor.Lose(delivery);
            Held.Remove();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected override async ValueTask RunAsync(TaskDelivery delivery)
    {
        TimeSpan wait = _lastEnd == 0 ? TimeSpan.Zero : Pipeline.Clock.GetElapsedTime(_lastEnd);
        await Out.MayStartAsync();
        if (_waiting is not null && Pipeline.Clock.GetUtcNow() - delivery.ReceivedAt > _adaptive.Budget + Margin)
        {
            Shrink(TooSlow);
        }

        if (delivery.IsSuspect && _acks is not null)
        {
            // What was done is not to run again should this one take the process with it.
            await _acks.FlushAsync();
        }

        long start = Pipeline.Clock.GetTimestamp();
        _isRunning = true;
        _watch?.Change(_adaptive.Budget, Timeout.InfiniteTimeSpan);
        _isInGroup = false;
        await SettleAsync(delivery);
        _isRunning = false;
        _watch?.Change(_adaptive.Budget, Timeout.InfiniteTimeSpan);
        _lastEnd = Pipeline.Clock.GetTimestamp();
        // Before it may be asked to leave, for then it is counted what it holds.
        await EndGroupAsync();
        if (_leavesAfterThis)
        {
            Out.Ask();
        }

        if (!IsTakenBack && !IsStopping)
        {
            Adapt(delivery.IsSuspect ? null : wait, Pipeline.Clock.GetElapsedTime(start, _lastEnd));
        }
    }

    protected override void LeaveAfterThis()
    {
        _leavesAfterThis = _waiting is not null;
        if (!_leavesAfterThis)
        {
            Out.Ask();
        }
    }

    protected override async Task EndWaitingAsync()
    {
        if (_waiting is null)
        {
            await base.EndWaitingAsync();
        }
        else
        {
            await _waiting.CompleteAsync();
            await (_acks?.DisposeAsync() ?? ValueTask.CompletedTask);
            await _watch!.DisposeAsync();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    protected override async ValueTask<bool> AckAsync(TaskDelivery delivery, Disposition disposition)
    {
        _isInGroup = disposition is Disposition.Ack && !IsTakenBack && _acks?.TryAdd(delivery) == true;
        bool isSettled = _isInGroup || await base.AckAsync(delivery, disposition);
        if (isSettled && !_isInGroup)
        {
            _acks?.Passed(delivery);
        }

        return isSettled;
    }

    // None waits for a task that is not here, or that may go back.
    private async ValueTask EndGroupAsync()
    {
        if (!_isInGroup)
        {
            Held.Remove();
        }

        if (_acks is not null && (_acks.IsFull || _waiting!.IsEmpty || _hasLeft))
        {
            await _acks.FlushAsync();
        }
    }

    // What could not be acknowledged comes again, and nobody has died of it.
    private void EndHeld(TaskDelivery delivery, bool isAcknowledged)
    {
        if (!isAcknowledged)
        {
            End("tasks that were done could not be acknowledged");
            Processor.Lose(delivery);
        }

        Held.Remove();
    }

    // Where nothing was given back it is still held, and runs here.
    private async Task<bool> GiveBackAsync(TaskDelivery delivery)
    {
        bool isGone = IsTakenBack;
        if (isGone)
        {
            Processor.Lose(delivery);
        }

        isGone = isGone || await _giveBack.TryAsync(delivery, _giveBackReason);
        if (isGone)
        {
            Held.Remove();
        }

        return isGone;
    }

    private void Shrink(string reason)
    {
        _giveBackReason = reason;
        _shrinks = true;
        Say(reason);
        Adapt(null, default);
        Interlocked.MemoryBarrier();
        if (_hasLeft)
        {
            // Before that, each acknowledgement would bring another one.
            _ = _waiting!.GiveBackAsync();
        }
    }

    // In a timer or before a run: what a log throws would end the process, or leave the slot with what it holds.
    private void Say(string reason)
    {
        try
        {
            Pipeline.Logger.PrefetchShrinks(Prefetch, _queue.Name, reason);
        }
#pragma warning disable CA1031 // Whatever writes the log, it is no part of what becomes of tasks.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    private void Watch()
    {
        if (_isRunning)
        {
            Shrink(BehindLong);
        }
        else if (Held.NoneFor > TimeSpan.Zero)
        {
            // Its queue is empty. What comes next is for whoever is free.
            LeaveUnless(_adaptive.Idle());
        }
    }

    // Without a wait it falls.
    private void Adapt(TimeSpan? wait, TimeSpan run) =>
        LeaveUnless(wait is { } waited ? _adaptive.Observe(waited, run, Pipeline.Clock.GetElapsedTime(0)) : _adaptive.Fall(Pipeline.Clock.GetElapsedTime(0)));

    private void LeaveUnless(int prefetch)
    {
        if (prefetch != Prefetch)
        {
            Out.Ask();
        }
    }
}
