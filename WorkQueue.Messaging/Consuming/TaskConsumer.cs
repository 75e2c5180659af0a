using System.Runtime.CompilerServices;
using RabbitMQ.Client;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Receives the deliveries of one channel and has them run one at a time: at prefetch 1 each where it came; above, they wait their turn, and
/// go back to the queue when the one that runs takes longer than the hold budget.
/// </summary>
#pragma warning disable CA1001 // The source is never disposed of: a handler that does not stop may hold its token for as long as it likes.
internal sealed class TaskConsumer : AsyncDefaultBasicConsumer
#pragma warning restore CA1001
{
    private const string BehindLong = "the task before them runs long";
    private const string TooSlow = "they waited for too long";
    private const string BesideSuspect = "a worker may have died of one of them";
    private const string OnTheWayOut = "the worker takes no more tasks";

    // Longer than a message takes from the broker.
    private static readonly TimeSpan UnderWay = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan FirstTask = TimeSpan.FromSeconds(1);

    private readonly TaskQueue _queue;
    private readonly TaskPipeline _pipeline;
    private readonly TaskProcessor _processor;
    private readonly AdaptivePrefetch? _adaptive;
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _takenBack = new();
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _leaveAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _drained;
    private readonly WaitingTasks? _waiting;
    private readonly ITimer _limit;
    private readonly ITimer? _watch;
    private readonly HeldTasks _held;
    private long _lastEnd;
    private bool _leavesAfterThis;
    private volatile bool _isRunning;
    private volatile bool _leaving;
    private volatile bool _hasLeft;
    private volatile bool _shrinks;
    private volatile string _giveBackReason = OnTheWayOut;

    /// <summary>Ready to be subscribed.</summary>
    /// <param name="channel">The channel; it dispatches one delivery at a time.</param>
    /// <param name="queue">The queue.</param>
    /// <param name="place">Its slot's place among the others.</param>
    /// <param name="pipeline">What the slots share.</param>
    /// <param name="tokens">When a run is cut short.</param>
    /// <param name="adaptive">What decides on the prefetch, or null for 1.</param>
    /// <param name="taken">Told when a task is about to run; answers whether the consumer is to leave after it.</param>
    /// <param name="stopping">No task is started any more.</param>
    public TaskConsumer(
        IChannel channel, TaskQueue queue, Solitude.Place place, TaskPipeline pipeline, RunTokens tokens, AdaptivePrefetch? adaptive, Func<bool> taken, CancellationToken stopping)
        : base(channel)
    {
        _queue = queue;
        _pipeline = pipeline;
        _adaptive = adaptive;
        _stopping = stopping;
        _limit = pipeline.Clock.CreateTimer(_ => Run?.TimeOut(pipeline.Clock), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _processor = new TaskProcessor(channel, queue, place, pipeline, tokens with { TakenBack = _takenBack.Token }, stopping)
        {
            Limit = _limit,
            Taken = () =>
            {
                // What it holds besides, when it leaves, is not counted: the turn is another queue's.
                _leavesAfterThis = !_leaveAsked.Task.IsCompleted && taken();
                if (_leavesAfterThis && _waiting is null)
                {
                    // At once: when this one is acknowledged the broker sends the next.
                    AskToLeave();
                }
            },
        };
        _drained = tokens.Drained.UnsafeRegister(static consumer => ((TaskConsumer)consumer!).Cut(), this);
        Prefetch = (ushort)(adaptive?.Prefetch ?? 1);
        _held = new HeldTasks(Prefetch, pipeline.Clock);
        if (Prefetch > 1)
        {
            _waiting = new WaitingTasks(RunAsync, GiveBackAsync);
            // The first may take its time: the broker has yet to hear of this consumer.
            _watch = pipeline.Clock.CreateTimer(_ => Watch(), null, adaptive!.Budget + FirstTask, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>How many tasks it may hold.</summary>
    public ushort Prefetch { get; }

    /// <summary>Completes, with the reason, when this consumer will get no more deliveries.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Completes when it is to be cancelled, because its slot is to take from another queue or with another prefetch.</summary>
    public Task LeaveAsked => _leaveAsked.Task;

    /// <summary>Completes when a cancel by this side has gone through: after every delivery that came before it.</summary>
    public Task Cancelled => _cancelled.Task;

    /// <summary>How long it has held no task; zero while it holds one.</summary>
    public TimeSpan IdleFor => _held.NoneFor;

    /// <summary>The task that runs here, or null.</summary>
    public TaskRun? Run => _processor.Run;

    /// <summary>Waits until it holds no task.</summary>
    /// <returns>False if it still holds one after the limit.</returns>
    public Task<bool> WaitIdleAsync(TimeSpan limit) => _held.WaitNoneAsync(limit);

    /// <summary>It is to be cancelled, after the tasks it holds.</summary>
    public void AskToLeave() => _leaveAsked.TrySetResult();

    /// <summary>This side is about to cancel the consumer; what still comes is run.</summary>
    public void Leave() => _leaving = true;

    /// <summary>
    /// Waits, where the prefetch is or becomes more than 1, until it holds as many tasks as it may, or for a moment: what the broker has under
    /// way to a consumer when that is cancelled counts as delivered, and comes again (seen on RabbitMQ 3.10). No task starts meanwhile.
    /// </summary>
    public Task WaitFullAsync() => Prefetch > 1 || _adaptive is { Prefetch: > 1 } ? _held.WaitFullAsync(UnderWay) : Task.CompletedTask;

    /// <summary>The broker has answered the cancel, or will not: it sends no more. The next task starts when what goes back has gone.</summary>
    /// <param name="givesBack">Whether what waits its turn goes back to the queue, rather than run.</param>
    public void Left(bool givesBack)
    {
        _hasLeft = true;
        Interlocked.MemoryBarrier();
        if (_waiting is not null && (givesBack || _shrinks))
        {
            _ = _waiting.GiveBackAsync().ContinueWith(_ => _left.TrySetResult(), TaskScheduler.Default);
        }
        else
        {
            _left.TrySetResult();
        }
    }

    /// <summary>This consumer will get no more deliveries, and the broker has the running task back, or soon will.</summary>
    public void End(string reason)
    {
        _ended.TrySetResult(reason);
        Quiet.Cancel(_takenBack);
        Cut();
        _drained.Unregister();
        _limit.Dispose();
        _left.TrySetResult();
        _ = EndWaitingAsync();
    }

    public override Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey,
        IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        _held.Add();
        try
        {
            if (_waiting is null)
            {
                return RunAsync(_processor.Read(deliveryTag, redelivered, exchange, routingKey, properties, body));
            }

            // What waits outlives the client's buffer.
            TaskDelivery delivery = _processor.Read(deliveryTag, redelivered, exchange, routingKey, properties, body.ToArray());
            if (delivery.IsSuspect)
            {
                // A crash counts against every task the worker held: whatever killed one is to run alone.
                Shrink(BesideSuspect);
            }

            delivery.ReceivedAt = _pipeline.Clock.GetUtcNow();
            if (!_waiting.TryAdd(delivery))
            {
                // It has ended, and the broker has this one back with the channel.
                Lose(delivery);
                _held.Remove();
            }
        }
#pragma warning disable CA1031 // The client would log it and go on, with a delivery that nobody has.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            End(failure.Message);
            _held.Remove();
        }

        return Task.CompletedTask;
    }

    protected override Task OnCancelAsync(string[] consumerTags, CancellationToken cancellationToken = default)
    {
        // Also comes when this side cancels, on its way out.
        if (_leaving || _stopping.IsCancellationRequested)
        {
            _ = EndCancelledAsync();
        }
        else
        {
            End("the broker cancelled the consumer: its queue was deleted or has no leader, or it held a task for too long");
        }

        return Task.CompletedTask;
    }

    private async Task EndCancelledAsync()
    {
        await EndWaitingAsync();
        _cancelled.TrySetResult();
    }

    private async Task EndWaitingAsync()
    {
        if (_waiting is not null)
        {
            await _waiting.CompleteAsync();
            await _watch!.DisposeAsync();
        }
    }

    private async Task RunAsync(TaskDelivery delivery)
    {
        TimeSpan wait = _lastEnd == 0 ? TimeSpan.Zero : _pipeline.Clock.GetElapsedTime(_lastEnd);
        if (_leaveAsked.Task.IsCompleted || _stopping.IsCancellationRequested)
        {
            // Each acknowledgement would have the broker send another one.
            await _left.Task;
        }

        if (_waiting is not null && _pipeline.Clock.GetUtcNow() - delivery.ReceivedAt > _adaptive!.Budget + (2 * UnderWay))
        {
            Shrink(TooSlow);
        }

        long start = _pipeline.Clock.GetTimestamp();
        _isRunning = true;
        _watch?.Change(_adaptive!.Budget, Timeout.InfiniteTimeSpan);
        await SettleAsync(delivery);
        _isRunning = false;
        _watch?.Change(_adaptive!.Budget, Timeout.InfiniteTimeSpan);
        _lastEnd = _pipeline.Clock.GetTimestamp();
        // Before it may be asked to leave, for then it is counted what it holds.
        _held.Remove();
        if (_leavesAfterThis)
        {
            AskToLeave();
        }

        if (_adaptive is not null && !_takenBack.IsCancellationRequested && !_stopping.IsCancellationRequested)
        {
            Adapt(delivery.IsSuspect ? null : wait, _pipeline.Clock.GetElapsedTime(start, _lastEnd));
        }
    }

    // Where nothing was given back it is still held, and runs here.
    private async Task<bool> GiveBackAsync(TaskDelivery delivery)
    {
        bool isGone = _takenBack.IsCancellationRequested;
        if (isGone)
        {
            Lose(delivery);
        }

        try
        {
            isGone = isGone || await _processor.TryGiveBackAsync(delivery, _giveBackReason);
        }
#pragma warning disable CA1031 // Whatever it is, the task can still run here.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _pipeline.Logger.SettleDelayed(delivery.Message.Id, failure.Message);
        }

        if (isGone)
        {
            _held.Remove();
        }

        return isGone;
    }

    // Never throws: an exception that escapes leaves the delivery unacknowledged and the slot stuck for ever.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SettleAsync(TaskDelivery delivery)
    {
        try
        {
            // What the broker has taken back is not this worker's any more.
            if (_takenBack.IsCancellationRequested)
            {
                Lose(delivery);
            }
            else if (!await _processor.ProcessAsync(delivery))
            {
                Lose(delivery);
                if (!delivery.HasId)
                {
                    _pipeline.Settler.Disown(delivery);
                }

                End("a delivery could not be settled");
            }
        }
#pragma warning disable CA1031 // Whatever it is, the slot ends and a new one begins.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            End(failure.Message);
        }
    }

    // The broker counts this first delivery like one whose worker died, and only this worker knows better; but not where it was held for too long.
    private void Lose(TaskDelivery delivery)
    {
        if (_queue.Type == TaskQueueType.Quorum && Channel.CloseReason?.ReplyCode != Constants.PreconditionFailed && !delivery.IsSaid)
        {
            _pipeline.Control.Suspects.End(delivery.Message);
        }
    }

    private void Cut() => _processor.Run?.Cut();

    private void Shrink(string reason)
    {
        _giveBackReason = reason;
        _shrinks = true;
        _pipeline.Logger.PrefetchShrinks(Prefetch, _queue.Name, reason);
        Adapt(null, default);
        Interlocked.MemoryBarrier();
        if (_hasLeft)
        {
            // Before that, each acknowledgement would bring another one.
            _ = _waiting!.GiveBackAsync();
        }
    }

    private void Watch()
    {
        if (_isRunning)
        {
            Shrink(BehindLong);
        }
        else if (_held.NoneFor > TimeSpan.Zero)
        {
            // Its queue is empty. What comes next is for whoever is free.
            lock (_adaptive!)
            {
                LeaveUnless(_adaptive.Idle());
            }
        }
    }

    // Without a wait it falls.
    private void Adapt(TimeSpan? wait, TimeSpan run)
    {
        TimeSpan at = _pipeline.Clock.GetElapsedTime(0);
        lock (_adaptive!)
        {
            LeaveUnless(wait is { } waited ? _adaptive.Observe(waited, run, at) : _adaptive.Fall(at));
        }
    }

    private void LeaveUnless(int prefetch)
    {
        if (prefetch != Prefetch)
        {
            AskToLeave();
        }
    }
}
