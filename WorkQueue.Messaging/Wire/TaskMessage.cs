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

    public byte? Priority { get; init; }

    public int Attempt { get; init; } = 1;

    public int Redriven { get; init; }

    /// <summary>How often this attempt went back to its queue without a run to its end, because its worker stopped or had another long one.</summary>
    public int Returned { get; init; }

    /// <summary>How many workers had died of this attempt before it went back to its queue: the broker counts a copy from zero.</summary>
    public long EarlierCrashes { get; init; }

    /// <summary>The task this one runs again.</summary>
    public string? RunOf { get; init; }

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

/// <summary>One hand-over of a task by the broker.</summary>
/// <param name="Tag">The delivery tag, valid on the delivering channel only.</param>
/// <param name="Message">The task; for an unreadable envelope, as much of it as could be read.</param>
/// <param name="Redelivered">The broker may have delivered it before.</param>
/// <param name="EarlierDeliveries">How often the broker has delivered this message before, to anybody; null where it does not count.</param>
/// <param name="Unreadable">What is wrong with the envelope, or null.</param>
internal sealed record TaskDelivery(ulong Tag, TaskMessage Message, bool Redelivered, long? EarlierDeliveries, string? Unreadable)
{
    /// <summary>When its turn came here.</summary>
    public DateTimeOffset ReceivedAt { get; set; }

    /// <summary>False when its sender gave it no id, and the one it has was made up just now.</summary>
    public bool HasId { get; init; } = true;

    /// <summary>Each run of it is said on the control log: it was delivered before, or workers died of it before it went back to its queue.</summary>
    public bool IsSaid => EarlierDeliveries > 0 || Message.EarlierCrashes > 0;

    /// <summary>Runs of it that were said to begin, and that no worker accounts for.</summary>
    public int Open { get; set; }

    /// <summary>
    /// How many workers died with it, as far as anybody can tell. A first delivery is not said beforehand, so that one which ended without a word
    /// may have been a death; of what had gone back with deaths every run is said, and the broker counts deliveries that never reached anybody.
    /// </summary>
    public long Crashes => Message.EarlierCrashes + Math.Max(0, (Message.EarlierCrashes == 0 && EarlierDeliveries > 0 ? 1 : 0) + Open);

    /// <summary>A worker that held it may have died of it.</summary>
    public bool IsSuspect => Crashes > 0 || (EarlierDeliveries is null && Redelivered);
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
