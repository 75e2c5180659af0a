using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>From the outcome of a run to what happens to the task. Pure.</summary>
internal static class RetryPolicy
{
    /// <summary>Decides by the settings of the task's type.</summary>
    /// <inheritdoc cref="Decide(TaskOutcome, int, IReadOnlyList{TimeSpan}, double, double, DateTimeOffset)"/>
    /// <param name="outcome">What the run produced.</param>
    /// <param name="message">The task.</param>
    /// <param name="options">The settings.</param>
    /// <param name="random">From 0 to 1; 0.5 leaves a delay as it is.</param>
    /// <param name="now">The time the attempt ended.</param>
    public static Disposition Decide(TaskOutcome outcome, TaskMessage message, WorkQueueOptions options, double random, DateTimeOffset now)
    {
        IReadOnlyList<TimeSpan> delays = options.Types.GetValueOrDefault(message.Type)?.RetryDelays ?? options.Retry.EffectiveDelays;
        return WithinCall(Decide(outcome, message.Attempt, delays, options.Retry.Jitter, random, now), message, now);
    }

    /// <summary>Decides.</summary>
    /// <param name="outcome">What the run produced.</param>
    /// <param name="attempt">Which attempt it was, from 1.</param>
    /// <param name="delays">The waits between attempts: N delays give N + 1 attempts.</param>
    /// <param name="jitter">How far a delay may vary, as a share of it.</param>
    /// <param name="random">From 0 to 1; 0.5 leaves a delay as it is.</param>
    /// <param name="now">The time the attempt ended.</param>
    public static Disposition Decide(
        TaskOutcome outcome, int attempt, IReadOnlyList<TimeSpan> delays, double jitter, double random, DateTimeOffset now) => outcome switch
        {
            TaskOutcome.Completed when ReferenceEquals(outcome, TaskOutcome.Completed.Silently) => Disposition.Ack.Silently,
            TaskOutcome.Completed succeeded => new Disposition.Ack(succeeded.Result, succeeded.Next),
            TaskOutcome.Rejected rejected => Dead(rejected.Reason, rejected.Error, now),
            TaskOutcome.Failed failed when attempt > delays.Count => Dead($"failed {attempt} of {delays.Count + 1} attempts", failed.Error, now, failed.Reason),
            // A delay the handler chose is what somebody asked it to wait: never shortened at random.
            TaskOutcome.Failed { Delay: { } chosen } failed => new Disposition.Retry(chosen, EndOf(failed, now)),
            TaskOutcome.Failed failed => new Disposition.Retry(Spread(delays[attempt - 1], jitter, random), EndOf(failed, now)),
            TaskOutcome.Interrupted interrupted => new Disposition.Requeue(new AttemptEnd(interrupted.Reason, null, null, now), interrupted.HasRun),
            TaskOutcome.Stopped => new Disposition.EndCancelled(new AttemptEnd("cancelled while it ran", null, null, now)),
            TaskOutcome.Expired expired => new Disposition.EndCancelled(new AttemptEnd(expired.Reason, null, null, now)),
            TaskOutcome.TakenBack => new Disposition.Abandon(),
            _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, null),
        };

    /// <summary>Ends a call whose next attempt would start when its caller waits no longer; told the error at once, it needs no dead letter.</summary>
    public static Disposition WithinCall(Disposition disposition, TaskMessage message, DateTimeOffset now) =>
        disposition is Disposition.Retry retry && message.IsCall && now + retry.Delay >= message.Deadline
            ? new Disposition.EndCancelled(retry.End with { Reason = $"failed attempt {message.Attempt}, and its caller waits until {message.Deadline:u} only" })
            : disposition;

    private static TimeSpan Spread(TimeSpan delay, double jitter, double random)
    {
        TimeSpan spread = delay * (1 + (jitter * ((2 * random) - 1)));
        return spread < DelayLadder.Longest ? spread : DelayLadder.Longest;
    }

    private static AttemptEnd EndOf(TaskOutcome.Failed failed, DateTimeOffset now) =>
        new(failed.Reason, failed.Error?.GetType().FullName, TextOf(failed.Error), now);

    private static Disposition.DeadLetter Dead(string reason, Exception? error, DateTimeOffset now, string? text = null) =>
        new(new AttemptEnd(reason, error?.GetType().FullName, TextOf(error) ?? text, now));

    private static string? TextOf(Exception? error) => error is null ? null : HandlerFailure.TextOf(error);
}
