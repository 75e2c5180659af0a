namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>A row that the relay has locked.</summary>
internal sealed record OutboxRow(long Id, string TaskId, string Type, string Queue, string? Sequence, int Format, string Task, string? TraceParent, string? TraceState, int Attempts, int RuleAttempts);

/// <summary>What came of sending a row.</summary>
internal abstract record SendOutcome
{
    /// <summary>The broker has it.</summary>
    public sealed record Sent : SendOutcome;

    /// <summary>It was not its turn: one before it in its sequence was not sent, or late.</summary>
    public sealed record Left : SendOutcome;

    /// <summary>The broker is away, for this one as for all others.</summary>
    public sealed record Unavailable(string Reason) : SendOutcome;

    /// <summary>This one was not taken.</summary>
    /// <param name="Reason">Why.</param>
    /// <param name="IsRule">For what it is, and not for how the broker or its queue is just now.</param>
    /// <param name="IsFinal">It will never be.</param>
    /// <param name="IsOfQueue">By its queue, which may not take others either.</param>
    public sealed record Refused(string Reason, bool IsRule = false, bool IsFinal = false, bool IsOfQueue = false) : SendOutcome;
}
