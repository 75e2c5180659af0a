using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Performs a disposition: whatever moves the task is published and confirmed first, then the delivery is acknowledged. A crash
/// between the two runs the task twice; the other order would lose it.
/// </summary>
internal sealed class TaskSettler(
    TaskPublisher publisher, HistoryRecorder events, TaskReplier replier, TaskEnds ends, WorkerIdentity worker, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<TaskSettler> logger)
{
    // To publish again while the first may still be stored makes a copy each time; never to do so would hold the slot should the broker forget to answer.
    private readonly TimeSpan _patience = 10 * options.Value.ConfirmTimeout;

    // Others that publish on the same connection lose it too, but hardly each time.
    private const int MostErrors = 5;
    private static readonly TimeSpan RetryPublish = TimeSpan.FromSeconds(1);

    /// <summary>Settles a delivery.</summary>
    /// <param name="delivery">The delivery.</param>
    /// <param name="disposition">What to do with it.</param>
    /// <param name="tokens">When there is nothing left to settle, and when the worker can wait no longer.</param>
    /// <param name="ack">Acknowledges it, on the channel that brought it.</param>
    /// <returns>False when the delivery was not settled, and the broker will deliver it again.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> SettleAsync(TaskDelivery delivery, Disposition disposition, RunTokens tokens, Func<TaskDelivery, Disposition, ValueTask<bool>> ack)
    {
        if (disposition is Disposition.Abandon)
        {
            logger.TaskTakenBack(delivery.Message.Id, delivery.Message.Type);
            return false;
        }

        return disposition is not Disposition.LeaveInPlace && await PerformAsync(delivery, disposition, tokens) && await ack(delivery, disposition);
    }

    /// <summary>Does what is to be done before the acknowledgement.</summary>
    /// <returns>False when there was no time to do it.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> PerformAsync(TaskDelivery delivery, Disposition disposition, RunTokens tokens)
    {
        if (disposition is Disposition.Ack { Next: null } done)
        {
            await events.SucceededAsync(delivery.Message, done.Result, RunOf(delivery));
            await replier.ReplyAsync(delivery.Message, disposition);
        }
        else if (!await MoveAsync(delivery, disposition, tokens))
        {
            return false;
        }

        return delivery.Message.EndTold is null || disposition.Ends is not { } state || await ends.TellAsync(delivery.Message, state, tokens.GivenUp, tokens.TakenBack);
    }

    /// <summary>Tells of a task that is run again by who has it.</summary>
    public void RetryHere(TaskDelivery delivery, Disposition.Retry retry)
    {
        SettleLog.Tell(logger, delivery.Message, retry);
        events.Retrying(delivery.Message with { Attempt = delivery.Message.Attempt + 1, NotBefore = clock.GetUtcNow() + retry.Delay }, retry.End, RunOf(delivery));
    }

    /// <summary>Gives a task that has not begun back to its queue, if that takes it at once.</summary>
    /// <returns>False where it did not: run here it is done sooner, and has no copies.</returns>
    public async Task<bool> TryGiveBackAsync(IChannel channel, TaskDelivery delivery, Disposition.Requeue back, RunTokens tokens)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(tokens.TakenBack, tokens.GivenUp);
        try
        {
            delivery.ReceivedAt = clock.GetUtcNow();
            await ReturnAsync(delivery, Owned(delivery), back, options.Value.ConfirmTimeout, end.Token);
            SettleLog.Tell(logger, delivery.Message, back);
        }
        catch (Exception failure) when (failure is PublishFailedException or OperationCanceledException)
        {
            logger.SettleDelayed(delivery.Message.Id, failure.Message);
            return false;
        }

        // Where it does not reach the broker the delivery comes again, beside the copy.
        await AckAsync(channel, delivery);
        return true;
    }

    /// <summary>Acknowledges a delivery whose task is where it is to be.</summary>
    /// <param name="channel">The delivering channel.</param>
    /// <param name="delivery">The delivery.</param>
    /// <param name="andBefore">And all before it.</param>
    /// <returns>False when the channel is lost, and the broker will deliver it again.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> AckAsync(IChannel channel, TaskDelivery delivery, bool andBefore = false)
    {
        try
        {
            // Not cancellable: a delivery that is done must not be left unacknowledged because somebody stops waiting.
            ValueTask ack = channel.BasicAckAsync(delivery.Tag, andBefore, CancellationToken.None);
            await (ack.IsCompletedSuccessfully ? ack : new ValueTask(ack.AsTask().WaitAsync(Limits.Rpc, clock, CancellationToken.None)));
            return true;
        }
        catch (Exception lost) when (lost is OperationInterruptedException or ObjectDisposedException or IOException or TimeoutException)
        {
            logger.TaskTakenBack(delivery.Message.Id, delivery.Message.Type);
            return false;
        }
    }

    /// <summary>A delivery whose message has no id is lost, and comes again under another: its run is told to have ended, for nobody else ever will.</summary>
    public void Disown(TaskDelivery delivery)
    {
        AttemptEnd end = new("its connection was lost; without an id of its own it comes again as another task", null, null, clock.GetUtcNow());
        _ = events.CancelledAsync(delivery.Message, end, RunOf(delivery));
    }

    private async Task<bool> MoveAsync(TaskDelivery delivery, Disposition disposition, RunTokens tokens)
    {
        TaskMessage message = disposition is Disposition.Retry or Disposition.DeadLetter or Disposition.Requeue or Disposition.WaitAgain or Disposition.Ack ? Owned(delivery) : delivery.Message;
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(tokens.TakenBack, tokens.GivenUp);
        for (int lost = 0; ;)
        {
            try
            {
                await PublishAsync(delivery, message, disposition, end.Token);
                SettleLog.Tell(logger, message, disposition);
                await replier.ReplyAsync(message, disposition);
                return true;
            }
            catch (PublishFailedException failure) when (!end.IsCancellationRequested)
            {
                lost = failure.Outcome == PublishOutcome.Unknown && failure.IsBrokersError ? lost + 1 : 0;
                if (lost == MostErrors)
                {
                    // Whatever in it the broker does not bear: each try may leave a copy, and cuts everybody else's publishes too.
                    message = message.Bare();
                }
                else if (lost == 2 * MostErrors)
                {
                    disposition = new Disposition.DeadLetter(new AttemptEnd($"the broker ended the connection each of the {2 * MostErrors} times it was to be moved; set aside without what its sender added", null, failure.Message, clock.GetUtcNow()));
                }

                logger.SettleDelayed(message.Id, failure.Message);
                await Task.Delay(RetryPublish * (0.5 + Random.Shared.NextDouble()), clock, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception failure) when (failure is PublishFailedException or OperationCanceledException && end.IsCancellationRequested)
            {
                logger.TaskTakenBack(message.Id, message.Type);
                return false;
            }
        }
    }

    private async Task PublishAsync(TaskDelivery delivery, TaskMessage message, Disposition disposition, CancellationToken cancellationToken)
    {
        AttemptRun run = RunOf(delivery);
        switch (disposition)
        {
            case Disposition.Ack { Next: { } step } done:
                // Before its own end is told: whoever sees that it has succeeded finds the next one.
                await publisher.PublishAsync(step, step.NotBefore - clock.GetUtcNow() ?? TimeSpan.Zero, _patience, cancellationToken);
                await events.SucceededAsync(message, done.Result, run);
                break;
            case Disposition.Retry retry:
                TaskMessage next = message with { Attempt = message.Attempt + 1, Returned = 0, HasRun = false, EarlierCrashes = 0, UnknownSince = null, NotBefore = clock.GetUtcNow() + retry.Delay };
                await publisher.PublishAsync(next, retry.Delay, _patience, cancellationToken, retry.End, run);
                break;
            case Disposition.DeadLetter dead:
                await publisher.PublishDeadAsync(message, dead.End, run, _patience, cancellationToken);
                break;
            case Disposition.Requeue back:
                await ReturnAsync(delivery, message, back, _patience, cancellationToken);
                break;
            case Disposition.WaitAgain wait:
                // Nobody ran it.
                TaskMessage again = message with { NotBefore = wait.Again.NotBefore, Returned = wait.Again.Returned, UnknownSince = wait.Again.UnknownSince, HasRun = message.HasRun || delivery.Redelivered, EarlierCrashes = delivery.Crashes };
                await publisher.PublishAsync(again, EarlyDelivery.OnLadder(again.NotBefore!.Value, clock.GetUtcNow()), _patience, cancellationToken, wait.Why);
                break;
            case Disposition.EndCancelled cancel:
                await events.CancelledAsync(message, cancel.End, run);
                break;
            case Disposition.Drop:
                await events.DroppedAsync(message, worker.Id);
                break;
        }
    }

    private async Task ReturnAsync(TaskDelivery delivery, TaskMessage message, Disposition.Requeue back, TimeSpan confirmTimeout, CancellationToken cancellationToken)
    {
        // Who gives it back so would run it: the next that does not know it begins to count anew.
        TaskMessage same = message with { Returned = message.Returned + 1, HasRun = message.HasRun || back.HasRun || delivery.Redelivered, EarlierCrashes = delivery.Crashes, UnknownSince = back.HasRun || message.HasRun ? null : message.UnknownSince };
        await publisher.PublishAsync(same, TimeSpan.Zero, confirmTimeout, cancellationToken, back.End, RunOf(delivery));
    }

    private AttemptRun RunOf(TaskDelivery delivery) => new(worker.Id, delivery.ReceivedAt);

    // A delivery's body is in a buffer that is used again, and a publish given up here may still be reading it.
    private static TaskMessage Owned(TaskDelivery delivery) => delivery.Message with { Body = delivery.Message.Body.ToArray() };
}
