using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>What a run produced.</summary>
internal abstract record TaskOutcome
{
    /// <summary>The handler finished; in a chain <paramref name="Next"/> comes after it.</summary>
    public sealed record Completed(WrittenResult Result, TaskMessage? Next = null) : TaskOutcome
    {
        /// <summary>Without a result, as most do.</summary>
        public static readonly Completed Silently = new(WrittenResult.None);
    }

    /// <summary>The attempt failed; another may succeed, after <paramref name="Delay"/> if the handler chose one.</summary>
    public sealed record Failed(string Reason, Exception? Error = null, TimeSpan? Delay = null) : TaskOutcome;

    /// <summary>The task can never succeed.</summary>
    public sealed record Rejected(string Reason, Exception? Error = null) : TaskOutcome;

    /// <summary>Whoever called the task waits no longer for its result.</summary>
    public sealed record Expired(string Reason) : TaskOutcome;

    /// <summary>The worker stops before the run could end, or begin; it does not count as an attempt.</summary>
    public sealed record Interrupted(string Reason, bool HasRun = true) : TaskOutcome;

    /// <summary>Somebody cancelled the task, and its handler stopped.</summary>
    public sealed record Stopped : TaskOutcome;

    /// <summary>The broker took the delivery back: whatever the run produced, it will be delivered again.</summary>
    public sealed record TakenBack : TaskOutcome;

    /// <summary>Of a run whose handler threw, or was left because it does not stop.</summary>
    /// <param name="failure">What it threw.</param>
    /// <param name="tokens">Why it may have been cut short.</param>
    /// <param name="current">The run.</param>
    /// <param name="limit">How long it might take.</param>
    public static TaskOutcome Of(Exception failure, RunTokens tokens, TaskRun current, TimeSpan limit) => failure switch
    {
        _ when tokens.TakenBack.IsCancellationRequested => new TakenBack(),
        OperationCanceledException when current.IsWriting => new Completed(WrittenResult.Late),
        _ when current.IsCancelled => new Stopped(),
        TaskRejectedException rejection => new Rejected(HandlerFailure.TextOf(rejection), rejection.InnerException ?? rejection),
        TaskRetryException retry => new Failed(HandlerFailure.TextOf(retry), retry.InnerException ?? retry, retry.Delay),
        OperationCanceledException when current.IsTimedOut => new Failed($"timed out after {limit}", new TimeoutException($"The attempt ran longer than {limit}.")),
        // Whatever it throws: a client that is cancelled under a call does not always say so by this exception.
        _ when tokens.Drained.IsCancellationRequested => new Interrupted("the worker stops"),
        _ => new Failed(HandlerFailure.TextOf(failure), failure),
    };
}
