namespace WorkQueue.Messaging;

/// <summary>What a task has beside its payload; all of it optional.</summary>
public sealed record TaskOptions
{
    /// <summary>The task type; null takes that of the payload's <see cref="TaskTypeAttribute"/>.</summary>
    public string? Type { get; init; }

    /// <inheritdoc cref="NewTask.Queue"/>
    public string? Queue { get; init; }

    /// <inheritdoc cref="NewTask.Key"/>
    public string? Key { get; init; }

    /// <inheritdoc cref="NewTask.Priority"/>
    public TaskPriority Priority { get; init; }

    /// <inheritdoc cref="NewTask.Id"/>
    public string? Id { get; init; }

    /// <summary>Not to be run before so much time has passed; null for at once. At most 48 days. In a chain, since the task before it ended. Instead of <see cref="NotBefore"/>.</summary>
    public TimeSpan? Delay { get; init; }

    /// <inheritdoc cref="NewTask.NotBefore"/>
    public DateTimeOffset? NotBefore { get; init; }

    /// <inheritdoc cref="NewTask.Deadline"/>
    public DateTimeOffset? Deadline { get; init; }

    /// <inheritdoc cref="NewTask.Then"/>
    public IReadOnlyList<NewTask> Then { get; init; } = [];

    /// <inheritdoc cref="NewTask.Unique"/>
    public UniqueOptions? Unique { get; init; }
}
