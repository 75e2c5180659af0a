using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Runs the tasks of an ordered lane: one that fails is run again here, before the next, and one that is cut short goes back to where it came from. Who has
/// published it again would have put it behind the others. The count of its attempts is this worker's: another begins anew.
/// </summary>
internal sealed class RunsInOrder(TaskPipeline pipeline, TaskQueue queue, RunTokens lease, CancellationToken stopping)
{
    /// <summary>Runs a task until it has ended.</summary>
    /// <param name="delivery">Its delivery; its message is that of the last attempt.</param>
    /// <param name="run">Runs it once.</param>
    public async ValueTask<Disposition> RunAsync(TaskDelivery delivery, Func<TaskDelivery, ValueTask<Disposition>> run)
    {
        long start = pipeline.Clock.GetTimestamp();
        Disposition disposition = await run(delivery);
        while (disposition is Disposition.Retry retry)
        {
            TimeSpan end = pipeline.Clock.GetElapsedTime(start) + retry.Delay + pipeline.Executor.LimitOf(delivery.Message) + pipeline.Options.Value.Worker.CancelGrace;
            if (end >= pipeline.Options.Value.BrokerConsumerTimeout)
            {
                // All its attempts are one delivery.
                return new Disposition.DeadLetter(retry.End with { Reason = $"failed attempt {delivery.Message.Attempt}; in an ordered lane another would have to end within WorkQueue:BrokerConsumerTimeout ({pipeline.Options.Value.BrokerConsumerTimeout}) of the first, and may take {end}" });
            }

            pipeline.Settler.RetryHere(delivery, retry);
            pipeline.Telemetry.Settled(queue.Destination, delivery.Message.Type, retry.Name);
            delivery.TryAgain(pipeline.Clock.GetUtcNow() + retry.Delay);
            disposition = await WaitAsync(delivery.Message, retry.Delay) ? await AgainAsync(delivery, run) : new Disposition.Abandon();
        }

        // Unacknowledged it is the first of its lane again.
        return disposition is Disposition.Requeue ? new Disposition.Abandon() : disposition;
    }

    private async ValueTask<Disposition> AgainAsync(TaskDelivery delivery, Func<TaskDelivery, ValueTask<Disposition>> run)
    {
        if (pipeline.Control.IsCancelled(delivery.Message))
        {
            return new Disposition.Drop();
        }

        delivery.ReceivedAt = pipeline.Clock.GetUtcNow();
        return await run(delivery);
    }

    // False where it is not to run here any more. It ends early for one that is cancelled meanwhile, or may not start later.
    private async Task<bool> WaitAsync(TaskMessage message, TimeSpan delay)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(lease.TakenBack, stopping);
        using CancellationTokenSource early = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
        void Cancelled(string id)
        {
            if (id == message.Id)
            {
                Quiet.Cancel(early);
            }
        }

        pipeline.Control.Cancelled += Cancelled;
        try
        {
            TimeSpan left = message.Deadline is { } deadline && deadline - pipeline.Clock.GetUtcNow() is var until && until < delay ? until : delay;
            if (!pipeline.Control.IsCancelled(message) && left > TimeSpan.Zero)
            {
                await Task.Delay(left, pipeline.Clock, early.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            pipeline.Control.Cancelled -= Cancelled;
        }

        return !end.IsCancellationRequested;
    }
}
