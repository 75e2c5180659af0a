namespace WorkQueue.Messaging;

/// <summary>What a handler sees of the event it handles.</summary>
public sealed record EventContext
{
    /// <summary>The event's topic, <c>orders.eu.created</c>.</summary>
    public required string Topic { get; init; }

    /// <summary>The event's id, the same in every attempt: the key to make a handler idempotent by.</summary>
    public required string Id { get; init; }

    /// <summary>When it was published, to the second; null when its sender did not say.</summary>
    public DateTimeOffset? PublishedAt { get; init; }

    /// <summary>Which attempt this is, from 1; in a temporary subscription always 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>True when the broker may have delivered this attempt before.</summary>
    public required bool Redelivered { get; init; }

    /// <summary>
    /// True on the first event after some may have been missed: the connection was lost for a while, or more waited than the 20,000 that a temporary
    /// subscription keeps. Whoever keeps a picture of something reads it anew. Always false in a durable subscription, which misses none.
    /// </summary>
    public bool MayHaveMissed { get; init; }

    /// <summary>Cancelled when the handler has run longer than <see cref="WorkerOptions.TaskTimeout"/>, or the program stops.</summary>
    public required CancellationToken CancellationToken { get; init; }

    /// <summary>The services of this run, from a scope of its own.</summary>
    public required IServiceProvider Services { get; init; }
}
