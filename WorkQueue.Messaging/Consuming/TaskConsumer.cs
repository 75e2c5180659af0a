using System.Buffers;
using System.Runtime.CompilerServices;
using RabbitMQ.Client;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Receives the deliveries of one consumer and runs them one at a time: at prefetch 1 the broker sends the next when this one is acknowledged.</summary>
#pragma warning disable CA1001 // The source is never disposed of: a handler that does not stop may hold its token for as long as it likes.
internal class TaskConsumer : AsyncDefaultBasicConsumer
#pragma warning restore CA1001
{
    private const string LeftIdle = "another slot gave up their channel";

    private readonly SlotSeat _seat;
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _takenBack = new();
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _drained;
    private readonly ITimer _limit;
    private Task _running = Task.CompletedTask;
    private volatile bool _leaving;

    /// <summary>
    /// Ready to be subscribed; <paramref name="taken"/> is told when a task is about to run, and whether the next one, if it is to come from here, is still in its queue; it answers whether this is the last one here.
    /// </summary>
    public TaskConsumer(
        SlotSeat seat, TaskLane lane, Solitude.SlotPlace place, TaskPipeline pipeline, RunTokens tokens, Func<bool, bool> taken, CancellationToken stopping, ushort prefetch = 1)
        : base(seat.Channel)
    {
        _seat = seat;
        _stopping = stopping;
        Pipeline = pipeline;
        Prefetch = prefetch;
        Held = new HeldTasks(prefetch, pipeline.Clock);
        Out = new WayOut(Held, stopping);
        _limit = pipeline.Clock.CreateTimer(_ => Run?.TimeOut(pipeline.Clock), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Lease = tokens with { TakenBack = _takenBack.Token };
        bool holdsMany = prefetch > 1;
        Func<bool> isLast = () => taken(!holdsMany && !Out.Asked.IsCompleted);
        Processor = new TaskProcessor(seat, lane, place, pipeline, Lease, stopping)
        {
            Limit = _limit,
            Ack = AckAsync,
            HoldsMany = holdsMany,
            Taken = starts =>
            {
                if (starts ? IsLast(isLast) : !Out.Asked.IsCompleted && isLast())
                {
                    LeaveAfterThis();
                }
            },
        };
        _drained = tokens.Drained.UnsafeRegister(static consumer => ((TaskConsumer)consumer!).Run?.Cut(), this);
    }

    /// <summary>How many tasks it may hold.</summary>
    public ushort Prefetch { get; }

    /// <summary>Completes, with the reason, when this consumer will get no more deliveries.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Completes when a cancel by this side has gone through: after every delivery that came before it.</summary>
    public Task Cancelled => _cancelled.Task;

    /// <summary>How long it has held no task; zero while it holds one.</summary>
    public TimeSpan IdleFor => Held.NoneFor;

    /// <summary>It has ended, without a task, because another one has given up their channel; nothing else came before that.</summary>
    public bool HasLeftIdle => Ended.IsCompletedSuccessfully && ReferenceEquals(Ended.Result, LeftIdle);

    /// <summary>The task that runs here, or null.</summary>
    public TaskRun? Run => Processor.Run;

    /// <summary>How it leaves.</summary>
    public WayOut Out { get; }

    /// <summary>What runs and settles what comes.</summary>
    public TaskProcessor Processor { get; }

    protected TaskPipeline Pipeline { get; }
    protected HeldTasks Held { get; }
    protected RunTokens Lease { get; }
    protected bool IsTakenBack => _takenBack.IsCancellationRequested;
    protected bool IsStopping => _stopping.IsCancellationRequested;

    /// <summary>Waits until it holds no task.</summary>
    /// <returns>False if it still holds one after the limit.</returns>
    public Task<bool> WaitIdleAsync(TimeSpan limit) => Held.WaitNoneAsync(limit);

    /// <summary>Waits until it holds as many tasks as it may.</summary>
    /// <returns>False if it still holds fewer after the limit.</returns>
    public Task<bool> WaitFullAsync(TimeSpan limit) => Held.WaitFullAsync(limit);

    /// <summary>Whether its slot takes, or is about to take, several tasks at once.</summary>
    public virtual bool IsForMany => false;

    /// <summary>This side is about to cancel the consumer; what still comes is run.</summary>
    public void Leave() => _leaving = true;

    /// <summary>The broker has answered the cancel, or will not: it sends no more, and the next task may start.</summary>
    /// <param name="givesBack">Whether what waits its turn goes back to the queue, rather than run.</param>
    public virtual void Left(bool givesBack)
    {
        Out.Heard();
        Out.GoOn();
    }

    /// <summary>This consumer will get no more deliveries, and the broker has the running task back, or soon will.</summary>
    public void End(string reason)
    {
        _ended.TrySetResult(reason);
        Quiet.Cancel(_takenBack);
        Run?.Cut();
        _drained.Unregister();
        _limit.Dispose();
        Out.Heard();
        Out.GoOn();
        _ = EndWaitingAsync();
    }

    /// <summary>Where its channel is to be closed for another's sake, it ends when it holds no task.</summary>
    public void EndIfRetired()
    {
        if (_seat.IsRetired && Held.TryClose())
        {
            End(LeftIdle);
        }
    }

    public override Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey,
        IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        Held.Add();
        _seat.Holds(deliveryTag);
        try
        {
            // The client's is valid until this method ends, which waits for no handler: others have their deliveries by the same channel.
            byte[] buffer = BufferOf(body.Length);
            body.CopyTo(buffer);
            Receive(Processor.Read(deliveryTag, redelivered, exchange, routingKey, properties, buffer.AsMemory(0, body.Length)), buffer);
        }
#pragma warning disable CA1031 // The client would log it and go on, with a delivery that nobody has.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            End(failure.Message);
            Held.Remove();
            _ = _seat.ReturnIfGivenUpAsync(deliveryTag);
        }

        return Task.CompletedTask;
    }

    protected override Task OnCancelAsync(string[] consumerTags, CancellationToken cancellationToken = default)
    {
        // Also comes when this side cancels, on its way out.
        if (_leaving || IsStopping)
        {
            _ = EndCancelledAsync();
        }
        else
        {
            End("the broker cancelled the consumer: its queue was deleted or has no leader, or it held a task for too long");
        }

        return Task.CompletedTask;
    }

    /// <summary>For the body of a delivery. It goes back when that has run.</summary>
    protected virtual byte[] BufferOf(int length) => ArrayPool<byte>.Shared.Rent(length);

    /// <summary>A delivery has come; its body is in the buffer.</summary>
    protected virtual void Receive(TaskDelivery delivery, byte[] buffer) => _running = RunAfterAsync(_running, delivery, buffer);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected virtual async ValueTask RunAsync(TaskDelivery delivery)
    {
        await Out.MayStartAsync();
        await SettleAsync(delivery);
        Held.Remove();
    }

    /// <summary>A task starts; whether it is the last one here. What it holds besides, when it leaves, is not counted: the turn is another queue's.</summary>
    protected virtual bool IsLast(Func<bool> taken) => !Out.Asked.IsCompleted && taken();

    /// <summary>It leaves after the task that runs: at once, for when that is acknowledged the broker sends the next.</summary>
    protected virtual void LeaveAfterThis() => Out.Ask();

    /// <summary>No more come. Completes when what is held has run or gone back.</summary>
    protected virtual Task EndWaitingAsync() => Held.WaitNoneAsync(Timeout.InfiniteTimeSpan);

    /// <summary>Acknowledges a delivery whose task is where it is to be.</summary>
    /// <returns>False when that cannot be done.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    protected virtual async ValueTask<bool> AckAsync(TaskDelivery delivery, Disposition disposition)
    {
        await Out.MayAckAsync(1);
        if (await Pipeline.Settler.AckAsync(Channel, delivery))
        {
            return true;
        }

        // It may have been sent, or not: nothing more can be said of it there.
        await _seat.CloseAsync();
        return false;
    }

    // Never throws: an exception that escapes leaves the delivery unacknowledged and the slot stuck for ever.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    protected async ValueTask SettleAsync(TaskDelivery delivery)
    {
        try
        {
            // What the broker has taken back is not this worker's any more.
            if (IsTakenBack || Held.IsClosed)
            {
                // Before it counts as gone: its slot, on its way out, would take the channel for quiet.
                End(LeftIdle);
                Processor.Lose(delivery);
            }
            else if (!await Processor.ProcessAsync(delivery))
            {
                Processor.Disown(delivery);
                End("a delivery could not be settled");
            }
        }
#pragma warning disable CA1031 // Whatever it is, the slot ends and a new one begins.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            if (!delivery.IsSettled)
            {
                Processor.Fail(delivery, failure.Message, IsTakenBack);
            }

            End(failure.Message);
        }

        if (delivery.IsSettled)
        {
            _seat.Settled(delivery.Tag);
        }
        else
        {
            _ = _seat.ReturnIfGivenUpAsync(delivery.Tag);
        }
    }

    // The acknowledgement brings the next one, perhaps before the run before it has returned.
    private async Task RunAfterAsync(Task before, TaskDelivery delivery, byte[] buffer)
    {
        await before;
        try
        {
            await RunAsync(delivery);
        }
#pragma warning disable CA1031 // Nobody waits who would hear of it.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            End(failure.Message);
            Held.Remove();
            _ = _seat.ReturnIfGivenUpAsync(delivery.Tag);
        }

        ArrayPool<byte>.Shared.Return(buffer);
        EndIfRetired();
    }

    private async Task EndCancelledAsync()
    {
        await EndWaitingAsync();
        _cancelled.TrySetResult();
    }
}
