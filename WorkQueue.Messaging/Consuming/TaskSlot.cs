using System.Diagnostics;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// One place for one task: a channel and a consumer with prefetch 1, or as many as <see cref="AdaptivePrefetch"/> says. A channel the
/// broker closed is never opened again by the client, and a worker that does not notice lives on without work; this loop notices and opens
/// a new one. Of several queues it consumes one at a time, so that a busy slot never holds a task of another.
/// </summary>
internal sealed class TaskSlot(int number, QueueLevels levels, SupervisedConnection connection, TaskPipeline pipeline, bool isAdaptive)
{
    // How far from its head a queue is searched for a message that could not be read.
    private const int MostLooked = 2000;
    private const int LookedBehind = 50;

    // A queue that is without a leader for long is to be consumed within five seconds of having one again.
    private readonly Backoff _backoff = new(pipeline.Clock, longest: TimeSpan.FromSeconds(4));
    private readonly AdaptivePrefetch?[] _adaptive =
        [.. levels.Queues.Select(_ => isAdaptive ? new AdaptivePrefetch(pipeline.Options.Value.Worker.HoldBudget) : null)];

    private readonly Solitude.Place _place = pipeline.Solitude.Join();
    private volatile TaskConsumer? _consumer;
    private OpenConnection? _lastConnection;
    private volatile int _current;
    private volatile bool _hasLeft;
    private long _taken;

    /// <summary>The queues it takes from.</summary>
    public IReadOnlyList<TaskQueue> Queues => levels.Queues;

    /// <summary>The queue it takes from at the moment.</summary>
    public TaskQueue Queue => levels.Queues[_current];

    /// <summary>The broker knows this slot as a consumer, or it is on its way from one queue to another.</summary>
    public bool IsConsuming => _consumer is not null || _hasLeft;

    /// <summary>It is to take nothing: all its queues are paused, or another slot's task runs alone.</summary>
    public bool IsPaused => _place.Switch.IsPaused || Queues.All(queue => SwitchOf(queue).IsPaused);

    /// <summary>It gets no more from its queue; once what it runs has ended it goes to another.</summary>
    internal bool HasLeft => _hasLeft;

    /// <summary>How long it has been a consumer without a task; zero while it runs one or is none.</summary>
    public TimeSpan IdleFor => _consumer?.IdleFor ?? TimeSpan.Zero;

    /// <summary>The consumer, while there is one.</summary>
    internal TaskConsumer? Consumer => _consumer;

    /// <summary>Gives the channel up and opens a new one.</summary>
    public void Rebuild(string reason) => _consumer?.End(reason);

    /// <summary>Has the slot leave its queue, after the task it runs, where it is to take its next one from another.</summary>
    public void Reconsider()
    {
        if (Queues.Count > 1 && _consumer is { } consumer && QueueOrder.Leaves(_current, consumer.IdleFor > TimeSpan.Zero, Ready(), Volatile.Read(ref _taken)))
        {
            consumer.AskToLeave();
        }
    }

    /// <summary>Takes tasks until <paramref name="stopping"/>; then lets the running one finish until <paramref name="drained"/>.</summary>
    public async Task RunAsync(CancellationToken stopping, CancellationToken drained, CancellationToken givenUp)
    {
        while (!stopping.IsCancellationRequested)
        {
            // This pause, not the next: it may be over, and the queue resumed, before its end is noticed here.
            CancellationToken paused = default;
            CancellationToken aside = default;
            try
            {
                await pipeline.Control.Ready.WaitAsync(stopping);
                await levels.Known.WaitAsync(stopping);
                await _place.Switch.WaitResumedAsync(stopping);
                _current = await NextAsync(stopping);
                (paused, aside) = (SwitchOf(Queue).Paused, _place.Switch.Paused);
                using CancellationTokenSource taking = CancellationTokenSource.CreateLinkedTokenSource(stopping, paused, aside);
                if (await ConsumeAsync(await connection.WaitOpenAsync(taking.Token), new RunTokens(default, drained, givenUp), taking.Token, stopping))
                {
                    _lastConnection = null;
                    continue;
                }
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException) when (paused.IsCancellationRequested || aside.IsCancellationRequested)
            {
                _lastConnection = null;
                _hasLeft = false;
                continue;
            }
#pragma warning disable CA1031 // Whatever went wrong, the answer is the same: say it, wait, open a new channel.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                pipeline.Logger.SlotInterrupted(number, Queue.Name, failure.Message);
            }

            _hasLeft = false;
            await _backoff.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<int> NextAsync(CancellationToken stopping)
    {
        while (true)
        {
            if (QueueOrder.Next(Ready(), Volatile.Read(ref _taken)) is { } next)
            {
                return next;
            }

            await Task.WhenAny(Queues.Select(queue => SwitchOf(queue).WaitResumedAsync(stopping)));
            stopping.ThrowIfCancellationRequested();
        }
    }

    private long?[] Ready() => [.. levels.Ready.Select((count, index) => SwitchOf(Queues[index]).IsPaused ? (long?)null : count)];

    private PauseSwitch SwitchOf(TaskQueue queue) => pipeline.Control.SwitchOf(queue.Name);

    // Decided while the task runs: once it is acknowledged the queue would give the next one.
    private bool LeavesAfterThis()
    {
        long taken = Interlocked.Increment(ref _taken);
        return Queues.Count > 1 && QueueOrder.Leaves(_current, isIdle: false, Ready(), taken);
    }

    /// <returns>True if it left, for another queue or another prefetch; false if it was interrupted.</returns>
    private async Task<bool> ConsumeAsync(OpenConnection open, RunTokens tokens, CancellationToken stopping, CancellationToken ending)
    {
        if (ReferenceEquals(_lastConnection, open))
        {
            // The connection is fine, so something on it was not: perhaps the queue was deleted.
            await connection.RepairAsync(stopping);
        }

        _lastConnection = open;
        // The client hangs the spans of all deliveries under the activity that is current now.
        Activity.Current = null;
        CreateChannelOptions oneAtATime = new(false, false, null, consumerDispatchConcurrency: 1);
        IChannel channel = await Limits.OpenAsync(open.Connection.CreateChannelAsync(oneAtATime, CancellationToken.None), Limits.Rpc, pipeline.Clock, stopping);
        TaskConsumer consumer = new(channel, Queue, _place, pipeline, tokens, _adaptive[_current], LeavesAfterThis, stopping);
        // Taken off again: the connection may outlive many consumers.
        using CancellationTokenSource given = new();
        _ = open.Lost.ContinueWith(lost => consumer.End(lost.Result), given.Token, TaskContinuationOptions.None, TaskScheduler.Default);
        channel.ChannelShutdownAsync += (_, shutdown) =>
        {
            consumer.End(shutdown.ReplyText);
            return Task.CompletedTask;
        };
        using IDisposable? reads = connection.Reads(Queue.BrokerName, MostLooked, LookedBehind);
        string? tag = null;
        bool cancelled = false;
        try
        {
            tag = await SubscribeAsync(channel, consumer, stopping);
            _backoff.Opened();
            _consumer = consumer;
            _hasLeft = false;
            pipeline.Telemetry.Prefetch(Queue.Destination, consumer.Prefetch);
            pipeline.Logger.PrefetchIs(number, consumer.Prefetch, Queue.Name);
            if (await Task.WhenAny(consumer.Ended, consumer.LeaveAsked).WaitAsync(stopping) == consumer.LeaveAsked)
            {
                await consumer.WaitFullAsync().WaitAsync(stopping);
                consumer.Leave();
                cancelled = true;
                await channel.BasicCancelAsync(tag, noWait: false, CancellationToken.None).WaitAsync(Limits.Rpc, pipeline.Clock, stopping);
                consumer.Left(givesBack: false);
                _hasLeft = true;
                if (await Task.WhenAny(consumer.Ended, consumer.Cancelled).WaitAsync(stopping) == consumer.Cancelled)
                {
                    return true;
                }
            }

            pipeline.Logger.SlotInterrupted(number, Queue.Name, await consumer.Ended);
            return false;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await DrainAsync(channel, consumer, cancelled ? null : tag, cancelled, tokens.GivenUp);
            throw;
        }
        finally
        {
            if (_consumer is not null)
            {
                _consumer = null;
                pipeline.Telemetry.Prefetch(Queue.Destination, -consumer.Prefetch);
            }

            await given.CancelAsync();
            consumer.End("the channel is given up");
            await consumer.WaitIdleAsync(pipeline.Options.Value.Worker.CancelGrace + Limits.Close);
            if (!ending.IsCancellationRequested)
            {
                // On the way out the connection is closed next, and its channels with it.
                await Limits.DisposeAsync(channel, pipeline.Clock);
            }
        }
    }

    private async Task<string> SubscribeAsync(IChannel channel, TaskConsumer consumer, CancellationToken stopping)
    {
        await channel.BasicQosAsync(0, consumer.Prefetch, global: false, CancellationToken.None).WaitAsync(Limits.Rpc, pipeline.Clock, stopping);
        return await channel.BasicConsumeAsync(
            Queue.BrokerName, autoAck: false, "", noLocal: false, exclusive: false, ConsumerArguments(), consumer, CancellationToken.None)
            .WaitAsync(Limits.Rpc, pipeline.Clock, stopping);
    }

    // From RabbitMQ 4.3 the limit of a quorum queue's consumer can be its own; older brokers ignore it.
    private Dictionary<string, object?>? ConsumerArguments() => Queue.Type == TaskQueueType.Quorum
        ? new() { ["x-consumer-timeout"] = (long)pipeline.Options.Value.BrokerConsumerTimeout.TotalMilliseconds }
        : null;

    // Cancel, finish, acknowledge, and only then close: a close right after the cancel loses the acknowledgement.
    private async Task DrainAsync(IChannel channel, TaskConsumer consumer, string? tag, bool cancelled, CancellationToken givenUp)
    {
        bool answers = cancelled;
        try
        {
            if (channel.IsOpen && tag is not null)
            {
                await consumer.WaitFullAsync();
                await channel.BasicCancelAsync(tag, noWait: false, CancellationToken.None).WaitAsync(Limits.Close, pipeline.Clock, CancellationToken.None);
                answers = true;
            }
        }
#pragma warning disable CA1031 // A channel that cannot be cancelled ends with its connection, which has the same effect.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            pipeline.Logger.SlotInterrupted(number, Queue.Name, failure.Message);
        }

        WorkerOptions worker = pipeline.Options.Value.Worker;
        consumer.Left(givesBack: answers);
        if (!answers)
        {
            // What runs may end; the rest is up to the broker, which takes back what it hears no more of.
            await consumer.WaitIdleAsync(worker.DrainTimeout + Limits.Close);
            return;
        }

        // Deliveries that came before the cancel are dispatched before its answer is, even after the call above has returned. On a stop what
        // runs is cut when the time to drain is up; where the queue is only paused it may take its time.
        await Task.WhenAny(consumer.Cancelled, consumer.Ended, Task.Delay(Timeout.InfiniteTimeSpan, pipeline.Clock, givenUp));
        if (await consumer.WaitIdleAsync(Limits.Close) && channel.IsOpen)
        {
            // A call and its answer: by now the broker has seen the acknowledgement before it.
            await channel.CloseAsync(CancellationToken.None).WaitAsync(Limits.Close, pipeline.Clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
