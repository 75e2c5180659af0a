namespace WorkQueue.Messaging;

/// <summary>
/// At most one task of a key at a time: whoever enqueues another, from whatever program, is told of the one that is there. A key belongs to a queue and a task type.
/// </summary>
public sealed record UniqueOptions
{
    /// <summary>What the task is about, 1 to 255 bytes; null takes the payload, byte by byte.</summary>
    public string? Key { get; init; }

    /// <summary>
    /// How long the key is held, from the moment at which the task is enqueued, whatever becomes of it; at most 48 days. Null, the default, until the task has ended:
    /// succeeded, become a dead letter or been cancelled; at the longest until 7 days after it was to run.
    /// </summary>
    public TimeSpan? For { get; init; }

    /// <summary>What becomes of a task whose key is held; default <see cref="UniqueRule.Skip"/>. The others are not for a key that is held <see cref="For"/> a time.</summary>
    public UniqueRule Then { get; init; }

    /// <summary>With <see cref="UniqueRule.Debounce"/>: for how long at most a task is put off by others, from the first of them; default 10 times its delay, at most 48 days.</summary>
    public TimeSpan? Limit { get; init; }
}

/// <summary>What becomes of a task whose key another one holds.</summary>
public enum UniqueRule
{
    /// <summary>It is not enqueued; the one that is there stays as it is.</summary>
    Skip,

    /// <summary>It takes the place of the one that waits, under that one's id: the newest payload, delay and deadline hold. Where the other runs already, it runs after it.</summary>
    Replace,

    /// <summary>As <see cref="Replace"/>, and its delay, which it must have, begins anew.</summary>
    Debounce,
}
