using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>From what a run has thrown to what it comes to; pure.</summary>
internal static class RunFailure
{
    /// <summary>What it comes to.</summary>
    /// <param name="failure">What was thrown.</param>
    /// <param name="tokens">Whether the delivery is gone, or the worker stops.</param>
    /// <param name="current">The run.</param>
    /// <param name="limit">How long it could take.</param>
    public static TaskOutcome OutcomeOf(Exception failure, RunTokens tokens, TaskRun current, TimeSpan limit) => failure switch
    {
        _ when tokens.TakenBack.IsCancellationRequested => new TaskOutcome.TakenBack(),
        OperationCanceledException when current.IsWriting => new TaskOutcome.Completed(WrittenResult.Late),
        _ when current.IsCancelled => new TaskOutcome.Stopped(),
        TaskRejectedException rejection => new TaskOutcome.Rejected(HandlerFailure.TextOf(rejection), rejection.InnerException ?? rejection),
        TaskRetryException retry => new TaskOutcome.Failed(HandlerFailure.TextOf(retry), retry.InnerException ?? retry, retry.Delay),
        OperationCanceledException when current.IsTimedOut => new TaskOutcome.Failed($"timed out after {limit}", new TimeoutException($"The attempt ran longer than {limit}.")),
        // Whatever it throws: a client that is cancelled under a call does not always say so by this exception.
        _ when tokens.Drained.IsCancellationRequested => new TaskOutcome.Interrupted("the worker stops"),
        _ => new TaskOutcome.Failed(HandlerFailure.TextOf(failure), failure),
    };
}
