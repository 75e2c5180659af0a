namespace WorkQueue.Messaging.Wire;

/// <summary>A task as it travels: the envelope and the payload.</summary>
internal sealed record TaskMessage
{
    public required string Id { get; init; }

    public required string Type { get; init; }

    public required string Queue { get; init; }

    /// <summary>The topic of an event; null for a task.</summary>
    public string? Topic { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public string? ContentType { get; init; }

    public string? ContentEncoding { get; init; }

    public string? AppId { get; init; }

    /// <summary>As AMQP has it.</summary>
    public byte? Priority { get; init; }

    /// <summary>What it is for: tasks of one key are in one lane.</summary>
    public string? Key { get; init; }

    public int Attempt { get; init; } = 1;

    public int Redriven { get; init; }

    /// <summary>How often this attempt went back to its queue without a run to its end, because its worker stopped or had another long one.</summary>
    public int Returned { get; init; }

    /// <summary>It was cut short by a worker that stopped: an earlier run of this attempt may have got anywhere.</summary>
    public bool HasRun { get; init; }

    /// <summary>How many workers had died of this attempt before it went back to its queue: the broker counts a copy from zero.</summary>
    public long EarlierCrashes { get; init; }

    /// <summary>Since when the workers that take it have no handler for its type; null where the last one had.</summary>
    public DateTimeOffset? UnknownSince { get; init; }

    /// <summary>The task this one runs again.</summary>
    public string? RunOf { get; init; }

    /// <summary>Who is told when it has ended: what it belongs to, a colon and a name.</summary>
    public string? EndTold { get; init; }

    /// <summary>What travels with a task of a chain; null for a task of its own.</summary>
    public ChainLink? Chain { get; init; }

    public DateTimeOffset? EnqueuedAt { get; init; }

    /// <summary>Before this moment it does not run.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>When it was last published, by the clock of who did; null for a plain client's, and where neither a delay nor a chain asks for it.</summary>
    public DateTimeOffset? SentAt { get; init; }

    public DateTimeOffset? Deadline { get; init; }

    public string? CorrelationId { get; init; }

    public string? ReplyTo { get; init; }

    /// <summary>Somebody waits for its result until its deadline.</summary>
    public bool IsCall => Topic is null && ReplyTo is not null && Deadline is not null;

    public string? TraceParent { get; init; }

    public string? TraceState { get; init; }

    /// <summary>What its sender added for itself; kept through retries and in the dead letter.</summary>
    public IReadOnlyDictionary<string, object?> OtherHeaders { get; init; } = TaskHeaders.None;

    /// <summary>Itself without what its sender added for itself; whoever waits for its reply still gets it.</summary>
    public TaskMessage Bare() => this with { OtherHeaders = TaskHeaders.None, TraceParent = null, TraceState = null };
}

/// <summary>How an attempt ended that did not succeed.</summary>
/// <param name="Reason">For the person who reads it.</param>
/// <param name="ErrorType">The exception's type, if there was one.</param>
/// <param name="Error">The error's text, cut.</param>
/// <param name="At">When.</param>
internal sealed record AttemptEnd(string Reason, string? ErrorType, string? Error, DateTimeOffset At);

/// <summary>Who ran an attempt, and since when.</summary>
/// <param name="Worker">The worker.</param>
/// <param name="StartedAt">When the attempt began.</param>
internal readonly record struct AttemptRun(string Worker, DateTimeOffset StartedAt);
