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
        Disposition disposition = await run(delivery);
        while (disposition is Disposition.Retry retry)
        {
            pipeline.Settler.RetryHere(delivery, retry);
            pipeline.Telemetry.Settled(queue.Destination, delivery.Message.Type, retry.Name);
            delivery.Message = delivery.Message with { Attempt = delivery.Message.Attempt + 1, NotBefore = pipeline.Clock.GetUtcNow() + retry.Delay };
            using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(lease.TakenBack, stopping);
            await Task.Delay(retry.Delay, pipeline.Clock, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            disposition = end.IsCancellationRequested ? new Disposition.Abandon() : await run(delivery);
        }

        // Unacknowledged it is the first of its lane again.
        return disposition is Disposition.Return ? new Disposition.Abandon() : disposition;
    }
}
