using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Consuming;

/// <summary>How a slot stops consuming: cancel, finish, acknowledge, and only then close. A close right after the cancel loses the acknowledgement.</summary>
internal sealed class SlotExit(IChannel channel, TaskConsumer consumer, TaskPipeline pipeline, int slot, string queue)
{
    private bool _isCancelled;

    /// <summary>The consumer's tag, once it is one.</summary>
    public string? Tag { get; set; }

    /// <summary>The slot goes to another queue, or takes another prefetch, after the tasks it holds.</summary>
    public async Task LeaveAsync(CancellationToken stopping)
    {
        await consumer.WaitFullAsync().WaitAsync(stopping);
        consumer.Leave();
        _isCancelled = true;
        await channel.BasicCancelAsync(Tag!, noWait: false, CancellationToken.None).WaitAsync(Limits.Rpc, pipeline.Clock, stopping);
        consumer.Left(givesBack: false);
    }

    /// <summary>The worker stops, or the queue is paused: what runs may finish.</summary>
    /// <param name="givenUp">The time to tell the broker is up too.</param>
    public async Task DrainAsync(CancellationToken givenUp)
    {
        bool answers = _isCancelled || await TryCancelAsync();
        consumer.Left(givesBack: answers);
        if (!answers)
        {
            // What runs may end; the rest is up to the broker, which takes back what it hears no more of.
            await consumer.WaitIdleAsync(pipeline.Options.Value.Worker.DrainTimeout + Limits.Close);
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

    private async Task<bool> TryCancelAsync()
    {
        try
        {
            if (!channel.IsOpen || Tag is null)
            {
                return false;
            }

            await consumer.WaitFullAsync();
            await channel.BasicCancelAsync(Tag, noWait: false, CancellationToken.None).WaitAsync(Limits.Close, pipeline.Clock, CancellationToken.None);
            return true;
        }
#pragma warning disable CA1031 // A channel that cannot be cancelled ends with its connection, which has the same effect.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            pipeline.Logger.SlotInterrupted(slot, queue, failure.Message);
            return false;
        }
    }
}
