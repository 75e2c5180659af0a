using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>What to do with a delivery.</summary>
internal abstract record Disposition
{
    /// <summary>The name in metrics.</summary>
    public abstract string Name { get; }

    /// <summary>How the task has ended by it; null where it has not, or was none of ours to end.</summary>
    public virtual TaskState? Ends => null;

    /// <summary>Done: publish what comes after it in its chain, record the result, then acknowledge it.</summary>
    public sealed record Ack(WrittenResult Result, TaskMessage? Next = null) : Disposition
    {
        /// <summary>Of a handler that returns nothing, at the end of its chain.</summary>
        public static readonly Ack Silently = new(WrittenResult.None);

        public override string Name => "ack";

        public override TaskState? Ends => TaskState.Succeeded;
    }

    /// <summary>Publish it as the next attempt, to start after a delay, then acknowledge it.</summary>
    public sealed record Retry(TimeSpan Delay, AttemptEnd End) : Disposition
    {
        public override string Name => "retry";
    }

    /// <summary>Publish it to the dead letters, then acknowledge it.</summary>
    public sealed record DeadLetter(AttemptEnd End) : Disposition
    {
        public override string Name => "dead-letter";

        public override TaskState? Ends => TaskState.DeadLettered;
    }

    /// <summary>Publish it again as the same attempt, then acknowledge it: a nack would count as a delivery up to RabbitMQ 4.2.</summary>
    public sealed record Requeue(AttemptEnd End, bool HasRun = false) : Disposition
    {
        public override string Name => "return";
    }

    /// <summary>It came before its time: publish it to the delay ladder for the rest, as the same attempt, then acknowledge it.</summary>
    public record WaitAgain(TaskMessage Again, AttemptEnd Why) : Disposition
    {
        public override string Name => "wait";
    }

    /// <summary>Nobody here has a handler for it: publish it to the delay ladder for others, as the same attempt, then acknowledge it.</summary>
    public sealed record LeaveToOthers(TaskMessage Again, AttemptEnd Why) : WaitAgain(Again, Why)
    {
        public override string Name => "leave-to-others";
    }

    /// <summary>The same in an ordered lane: unacknowledged it stays the first there, for the next worker that takes from it.</summary>
    public sealed record LeaveInPlace : Disposition
    {
        public override string Name => "leave-in-place";
    }

    /// <summary>Cancelled: record it, then acknowledge it.</summary>
    public sealed record EndCancelled(AttemptEnd End) : Disposition
    {
        public override string Name => "cancel";

        public override TaskState? Ends => TaskState.Cancelled;
    }

    /// <summary>Cancelled before it came here, and recorded by who cancelled it: acknowledge it.</summary>
    public sealed record Drop : Disposition
    {
        public override string Name => "drop";

        public override TaskState? Ends => TaskState.Cancelled;
    }

    /// <summary>An event its subscription does not want: acknowledge it.</summary>
    public sealed record PassOver : Disposition
    {
        public override string Name => "pass-over";
    }

    /// <summary>The delivery is gone; there is nothing to settle.</summary>
    public sealed record Abandon : Disposition
    {
        public override string Name => "abandon";
    }
}
