using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Whether a delivery is to run here, and now. Most are: the rest came too early, are cancelled, or are of a task that workers may have died of (docs/adr/0012).</summary>
/// <param name="lane">Where deliveries come from.</param>
/// <param name="place">The slot's place among the others.</param>
/// <param name="pipeline">What the slots share.</param>
/// <param name="lease">When a run, or the settling after it, is cut short.</param>
/// <param name="stopping">No task is started any more.</param>
internal sealed class TaskAdmission(TaskLane lane, Solitude.SlotPlace place, TaskPipeline pipeline, RunTokens lease, CancellationToken stopping)
{
    // Longer than a worker takes to have a connection again, and to say which deliveries it had lost.
    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ShortestWait = TimeSpan.FromSeconds(5);

    // Longer than the other slots take to cancel when one of them runs alone. Back in its queue before that, a suspect would come to one that is idle, and hold up who runs alone.
    private static readonly TimeSpan OthersOut = TimeSpan.FromMilliseconds(200);

    /// <summary>What is to become of a delivery without a run, or null.</summary>
    public async ValueTask<Disposition?> WithoutRunAsync(TaskDelivery delivery)
    {
        if (delivery.IsSaid)
        {
            await CountCrashesAsync(delivery);
        }

        return delivery.Unreadable is null ? WithoutRun(delivery) : Unsettled(delivery);
    }

    /// <summary>A delivery is about to run; <see cref="Leave"/> is to follow.</summary>
    /// <returns>False when another one runs alone here, or is about to.</returns>
    public ValueTask<bool> TryEnterAsync(TaskDelivery delivery) => delivery.IsSaid ? new(TryEnterSaidAsync(delivery)) : ValueTask.FromResult(place.TryEnter());

    /// <summary>Its run has ended.</summary>
    public void Leave(TaskDelivery delivery)
    {
        if (delivery.IsSaid)
        {
            pipeline.Suspects.End(delivery.Delivered);
        }

        place.Leave();
    }

    /// <summary>Gives a delivery back to its queue, as the same attempt.</summary>
    public Disposition.Requeue Back(string reason) => new(new AttemptEnd(reason, null, null, pipeline.Clock.GetUtcNow()));

    private Disposition? WithoutRun(TaskDelivery delivery)
    {
        if (delivery.Message.Topic is { } topic && !TopicRules.IsUsers(topic))
        {
            // What happens to tasks goes through the same exchange and fits "#" too. A user's event is never passed over: a pattern it does not
            // fit may be that of an older version of the program, and what another version bound is for the handler to know.
            return new Disposition.PassOver();
        }

        if (pipeline.Control.IsCancelled(delivery.Message))
        {
            return new Disposition.Drop();
        }

        if (EarlyDelivery.ToWaitAgain(delivery.Message, delivery.ReceivedAt) is { } again)
        {
            TimeSpan early = again.NotBefore!.Value - delivery.ReceivedAt;
            return new Disposition.WaitAgain(again, new AttemptEnd($"it came {early.TotalSeconds:0.0} s before its time, and waits again", null, null, delivery.ReceivedAt));
        }

        if (Unsettled(delivery) is { } aside)
        {
            return aside;
        }

        if (lane.Queue.Lanes.Order == LaneOrder.Types && lane.Queue.Lanes.Of(delivery.Message.Type, null, "") is var own && own != lane && own.IsLimited)
        {
            // From a program that does not know of its limit or rate, or of the time before there was one.
            return Back("its type has a limit or a rate, and a lane of its own");
        }

        if (delivery is { HasId: false, EarlierDeliveries: > 0 })
        {
            // By its id alone is it told who died of it.
            return Back("it came without an id, and has one from here on");
        }

        bool isUnknown = !pipeline.Executor.Knows(delivery.Message, lane.Queue) && pipeline.Executor.Refusal(delivery, lane.Queue) is null;
        // Published again it has a new count on the broker, whose own limit knows no reasons. One that waits in its place for another worker would lose that.
        return delivery.EarlierDeliveries >= Math.Max(1, lane.Queue.BrokerDeliveryLimit / 2) && delivery.Crashes < lane.Queue.DeliveryLimit && !(isUnknown && lane.Queue.Lanes.IsOrdered)
            ? Back($"delivered {delivery.EarlierDeliveries} times, by lost connections for the most part: it begins a new count")
            : isUnknown ? pipeline.Unknown.Leave(delivery, lane) : null;
    }

    // On its first delivery it cannot have run here.
    private Disposition.DeadLetter? Unsettled(TaskDelivery delivery) => (delivery.Redelivered || delivery.Message.HasRun) && pipeline.Unsettled.Of(delivery) is var runs && runs >= lane.Queue.DeliveryLimit
        ? new(new AttemptEnd($"ran {runs} times in one worker that could not settle it; the log of that worker says why", null, null, pipeline.Clock.GetUtcNow()))
        : null;

    private async Task CountCrashesAsync(TaskDelivery delivery)
    {
        delivery.Open = pipeline.Suspects.OpenOf(delivery.Delivered);
        if (delivery.Unreadable is null && Solitude.IsFor(delivery.Crashes, lane.Queue.DeliveryLimit))
        {
            // Before it is blamed, or has to run alone, those that may have had it are heard.
            await Task.Delay(ReportLimit, pipeline.Clock, lease.TakenBack).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delivery.Open = pipeline.Suspects.OpenOf(delivery.Delivered);
        }
    }

    private async Task<bool> TryEnterSaidAsync(TaskDelivery delivery)
    {
        bool enters = Solitude.IsFor(delivery.Crashes, lane.Queue.DeliveryLimit) ? await TryEnterAloneAsync(delivery.Message) : place.TryEnter();
        if (!enters)
        {
            await Task.Delay(OthersOut, pipeline.Clock, lease.TakenBack).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }

        try
        {
            await pipeline.Suspects.BeginAsync(delivery.Delivered);
            return true;
        }
        catch
        {
            Leave(delivery);
            throw;
        }
    }

    // Both its wait for the others and its run are to end before the broker takes it back.
    private async Task<bool> TryEnterAloneAsync(TaskMessage message)
    {
        TimeSpan limit = pipeline.Options.Value.BrokerConsumerTimeout - pipeline.Executor.LimitOf(message) - TimeSpan.FromMinutes(1);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(lease.TakenBack, stopping);
        return await place.TryEnterAloneAsync(limit > ShortestWait ? limit : ShortestWait, end.Token);
    }
}
