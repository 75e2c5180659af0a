using RabbitMQ.Client.Events;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// One place for one task: a consumer, on a channel of its own or on one that others take by, too. A channel the broker closed is never opened again by the client, and a worker that does not
/// notice lives on without work; this loop notices and opens a new one. Of several queues it consumes one at a time, so that a busy slot never
/// holds a task of another.
/// </summary>
internal sealed class TaskSlot(int number, SlotQueues queues, IConsumerSource consumers, SlotChannels channels, SupervisedConnection connection, TaskPipeline pipeline)
{
    // How far from its head a queue is searched for a message that could not be read.
    private const int MostLooked = 2000;
    private const int LookedBehind = 50;

    // A queue that is without a leader for long is to be consumed within five seconds of having one again.
    private readonly Backoff _backoff = new(pipeline.Clock, longest: TimeSpan.FromSeconds(4));

    private readonly Solitude.SlotPlace _place = pipeline.Solitude.Join();
    private volatile TaskConsumer? _consumer;
    private OpenConnection? _lastConnection;
    private volatile bool _hasLeft;

    /// <summary>The lanes of the queues it takes from.</summary>
    public IReadOnlyList<TaskLane> Lanes => queues.All;

    /// <summary>The lane it takes from at the moment.</summary>
    public TaskLane Lane => queues.Current;

    /// <summary>The queue it takes from at the moment.</summary>
    public TaskQueue Queue => Lane.Queue;

    /// <summary>The broker knows this slot as a consumer, or it is on its way from one queue to another.</summary>
    public bool IsConsuming => _consumer is not null || _hasLeft;

    /// <summary>It is to take nothing: its queues are paused or at their limits, or another slot's task runs alone.</summary>
    public bool IsPaused => _place.Switch.IsPaused || queues.AreClosed;

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
        if (_consumer is { } consumer && queues.LeavesNow(consumer.IdleFor, consumer.Prefetch > 1))
        {
            consumer.Out.Ask();
        }
    }

    /// <summary>Has its queue counted where that has given it nothing for a moment, and another one may.</summary>
    public void Look()
    {
        if (_consumer is { } consumer)
        {
            queues.Look(consumer.IdleFor);
        }
    }

    /// <summary>Takes tasks until <paramref name="stopping"/>; then lets the running one finish until <paramref name="drained"/>.</summary>
    public Task RunAsync(CancellationToken stopping, CancellationToken drained, CancellationToken givenUp) =>
        Supervision.KeepAsync(token => TakeAsync(new RunTokens(default, drained, givenUp), token), Interrupted, _backoff, stopping);

    // From one queue after the other, until something goes wrong.
    private async Task TakeAsync(RunTokens tokens, CancellationToken stopping)
    {
        while (true)
        {
            await pipeline.Control.Ready.WaitAsync(stopping);
            await _place.Switch.WaitResumedAsync(stopping);
            await queues.ChooseAsync(stopping);
            // This pause, not the next: it may be over, and the queue resumed, before its end is noticed here.
            using CancellationTokenSource taking = CancellationTokenSource.CreateLinkedTokenSource(stopping, queues.Paused, queues.Rate?.Invalid ?? default, _place.Switch.Paused);
            try
            {
                Task<OpenConnection> opening = connection.WaitOpenAsync(taking.Token);
                // Without a connection it is not on its way to anywhere.
                _hasLeft &= opening.IsCompletedSuccessfully;
                OpenConnection open = await opening;
                if (queues.MayTakeBy(open) && !await ConsumeAsync(open, tokens, taking.Token, stopping))
                {
                    return;
                }
            }
            catch (OperationCanceledException) when (taking.IsCancellationRequested && !stopping.IsCancellationRequested)
            {
                _hasLeft = false;
            }
            finally
            {
                queues.Leave();
            }

            _lastConnection = null;
        }
    }

    private void Interrupted(Exception? failure)
    {
        _hasLeft = false;
        if (failure is not null)
        {
            pipeline.Logger.SlotInterrupted(number, Queue.Name, failure.Message);
        }
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
        SlotSeat seat = await channels.TakeAsync(open, Lane, MayShare, stopping);
        TaskConsumer consumer = queues.Rate is { } rate
            ? new RatedConsumer(seat, Lane, _place, pipeline, rate, tokens, queues.LeavesAfterThis, stopping)
            : consumers.Next(seat, Lane, _place, tokens, queues.LeavesAfterThis, stopping);
        // Taken off again: the connection may outlive many consumers.
        using CancellationTokenSource given = new();
        _ = open.Lost.ContinueWith(lost => consumer.End(lost.Result), given.Token, TaskContinuationOptions.None, TaskScheduler.Default);
        _ = queues.PermitLost.ContinueWith(lost => consumer.End(lost.Result), given.Token, TaskContinuationOptions.None, TaskScheduler.Default);
        AsyncEventHandler<ShutdownEventArgs> end = (_, shutdown) =>
        {
            consumer.End(shutdown.ReplyText);
            return Task.CompletedTask;
        };
        seat.Channel.ChannelShutdownAsync += end;
        using IDisposable? reads = connection.Reads(Lane.BrokerName, MostLooked, LookedBehind);
        SlotExit exit = new(seat, consumer, pipeline, number, Lane);
        bool isQuiet = false;
        try
        {
            await seat.SubscribeAsync(Lane.BrokerName, consumer, ConsumerArguments(), stopping);
            exit.IsSubscribed = true;
            _backoff.Opened();
            _consumer = consumer;
            _hasLeft = false;
            pipeline.Telemetry.Prefetch(Queue.Destination, consumer.Prefetch);
            pipeline.Logger.PrefetchIs(number, consumer.Prefetch, Queue.Name);
            if (await Task.WhenAny(consumer.Ended, consumer.Out.Asked).WaitAsync(stopping) == consumer.Out.Asked)
            {
                await exit.LeaveAsync(stopping);
                _hasLeft = true;
                await Task.WhenAny(consumer.Ended, consumer.Cancelled).WaitAsync(stopping);
                // What it could not settle goes back with the channel.
                if (!consumer.Ended.IsCompleted)
                {
                    // Of an ordered queue nobody may have the next task before the last acknowledgement has arrived, as it has once the channel is closed.
                    isQuiet = !Queue.Lanes.IsOrdered;
                    return true;
                }
            }

            string reason = await consumer.Ended;
            // Of one that is lost the neighbour may have heard first.
            bool leftIdle = consumer.HasLeftIdle && seat.Channel.IsOpen && !open.Lost.IsCompleted;
            if (leftIdle || consumer.Processor.HasLeftInPlace)
            {
                _hasLeft |= leftIdle;
                return true;
            }

            pipeline.Logger.SlotInterrupted(number, Queue.Name, reason);
            return false;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            isQuiet = await exit.DrainAsync(ending.IsCancellationRequested, tokens.GivenUp) && !Queue.Lanes.IsOrdered;
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
            isQuiet &= await consumer.WaitIdleAsync(pipeline.Options.Value.Worker.CancelGrace + Limits.Close);
            seat.Channel.ChannelShutdownAsync -= end;
            seat.EndTurn();
            // On the way out the connection is closed next, and its channels with it.
            if (!ending.IsCancellationRequested)
            {
                if (!isQuiet)
                {
                    seat.GiveUp();
                }

                await seat.LeaveAsync();
            }
        }
    }

    // With a limit or an order of its own a lane is left by closing its channel, which takes what is left of one slot alone.
    private bool MayShare => consumers.HoldOne && !Queue.Lanes.IsOrdered && queues.IsFree;

    // From RabbitMQ 4.3 the limit of a quorum queue's consumer can be its own; older brokers ignore it.
    private Dictionary<string, object?>? ConsumerArguments() => Queue.Type == TaskQueueType.Quorum
        ? new() { ["x-consumer-timeout"] = (long)pipeline.Options.Value.BrokerConsumerTimeout.TotalMilliseconds }
        : null;
}
