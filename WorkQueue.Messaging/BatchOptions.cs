namespace WorkQueue.Messaging;

/// <summary>What there is to a batch besides its members.</summary>
public sealed record BatchOptions
{
    /// <summary>Its id, a UUID of version 7 in lower case; null makes a new one. Give the id of an earlier try whose outcome is unknown to get the same batch.</summary>
    public string? Id { get; init; }

    /// <summary>A name for people, at most 100 characters; default none.</summary>
    public string? Name { get; init; }

    /// <summary>
    /// Enqueued once every member has succeeded: at once, or when those that were dead-lettered have been redriven, up to 7 days later. Default none. It has a type, a payload
    /// and, if it is to, a queue, a delay and tasks after it; as JSON at most 16 KiB.
    /// </summary>
    public NewTask? OnSuccess { get; init; }

    /// <summary>Enqueued when every member has ended, however; before <see cref="OnSuccess"/>. Default none.</summary>
    /// <inheritdoc cref="OnSuccess"/>
    public NewTask? OnComplete { get; init; }

    /// <summary>Of <see cref="ITaskBatches.EnqueueAsync"/>: the batch is not closed, so that more can be added. Default false.</summary>
    public bool StaysOpen { get; init; }
}
