namespace WorkQueue.Messaging;

/// <summary>The tasks that will not be tried again by themselves. Registered by <c>AddTaskQueue()</c>.</summary>
public interface IDeadLetters
{
    /// <summary>The reason in the history of a letter that was taken away for good.</summary>
    const string Discarded = "dead letter discarded";

    /// <summary>The reason in the history of a redrive that no queue took: the letter is where it was.</summary>
    const string NotRedriven = "not redriven: no queue took it";

    /// <summary>
    /// Looks at the oldest dead letters, also at several of one id. Looking takes none away and changes nothing of how long they are kept;
    /// of many, a broker may change the order.
    /// All that is found is held in memory: for many, <see cref="DeadLetterFilter.MaxPayloadBytes"/> bounds it.
    /// </summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    Task<IReadOnlyList<DeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default);

    /// <summary>Counts dead letters, without keeping them in memory.</summary>
    /// <param name="filter">Which ones; its limit is also the most that is counted.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default);

    /// <summary>
    /// Puts dead letters back into their queues, each under its own id as attempt 1, counted in <see cref="DeadLetter.Redriven"/>.
    /// A letter is taken away only after the broker confirmed the task; a crash in between runs it twice and never loses it. Of what dies
    /// meanwhile nothing is moved: a task that dies again at once is redriven once.
    /// </summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Stops after the letter that is being moved.</param>
    /// <returns>How many were moved.</returns>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    /// <exception cref="TaskNotEnqueuedException">The broker did not take one; those before it are moved, it and the rest are where they were.</exception>
    Task<int> RedriveAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default);

    /// <summary>Takes dead letters away for good.</summary>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Stops after the letter that is being discarded.</param>
    /// <returns>How many were discarded.</returns>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    Task<int> DiscardAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default);
}

/// <summary>Which dead letters: those that fit everything that is given.</summary>
public sealed record DeadLetterFilter
{
    /// <summary>Of this queue, or of a durable subscription as <c>sub.&lt;name&gt;</c>; null for all.</summary>
    public string? Queue { get; init; }

    /// <summary>With one of these task ids, all letters of each; null for any.</summary>
    public IReadOnlySet<string>? Ids { get; init; }

    /// <summary>Of this task type; null for any.</summary>
    public string? Type { get; init; }

    /// <summary>Whose reason, error type or error text contains this, ignoring case; null for any.</summary>
    public string? Error { get; init; }

    /// <summary>
    /// Only those the history of tasks does not tell of: events of durable subscriptions, and delayed tasks whose queue was missing when their time came.
    /// Default false.
    /// </summary>
    public bool IsOutsideHistory { get; init; }

    /// <summary>Passes over so many that fit, the oldest of each queue first: the next page of a list. Default 0.</summary>
    public int Skip { get; init; }

    /// <summary>At most so many, the oldest of each queue first. Default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>At most so many moved a second; null for as fast as the broker confirms.</summary>
    public int? PerSecond { get; init; }

    /// <summary>A list leaves out payloads of more bytes, see <see cref="DeadLetter.PayloadBytes"/>; null for none. What is moved is moved whole.</summary>
    public int? MaxPayloadBytes { get; init; }

    /// <summary>Whether a letter fits by its id, its type and what is said of its end; the queue is for whoever reads the queues to see to.</summary>
    /// <param name="id">The task's id.</param>
    /// <param name="type">Its type.</param>
    /// <param name="said">The reason, the error's type and its text.</param>
    public bool Fits(string id, string type, params ReadOnlySpan<string?> said)
    {
        if (Ids?.Contains(id) == false || (Type is not null && Type != type))
        {
            return false;
        }

        foreach (string? text in said)
        {
            if (Error is null || text?.Contains(Error, StringComparison.OrdinalIgnoreCase) == true)
            {
                return true;
            }
        }

        return Error is null;
    }
}

/// <summary>A task that will not be tried again by itself.</summary>
public sealed record DeadLetter
{
    /// <summary>The task's id.</summary>
    public required string Id { get; init; }

    /// <summary>The task's type.</summary>
    public required string Type { get; init; }

    /// <summary>The queue it died in, and goes back to.</summary>
    public required string Queue { get; init; }

    /// <summary>The topic, for an event of a durable subscription; null for a task.</summary>
    public string? Topic { get; init; }

    /// <summary>Why it is dead.</summary>
    public required string Reason { get; init; }

    /// <summary>The type of the last attempt's exception, if there was one.</summary>
    public string? ErrorType { get; init; }

    /// <summary>The text of the last error, at most 1000 characters.</summary>
    public string? Error { get; init; }

    /// <summary>Which attempt was the last.</summary>
    public required int Attempt { get; init; }

    /// <summary>How often it has been put back before.</summary>
    public required int Redriven { get; init; }

    /// <summary>When it was enqueued, to the second; null when its sender did not say.</summary>
    public DateTimeOffset? EnqueuedAt { get; init; }

    /// <summary>When it died; null for one that the broker dead-lettered.</summary>
    public DateTimeOffset? DeadAt { get; init; }

    /// <summary>What the payload is.</summary>
    public string? ContentType { get; init; }

    /// <summary>How many bytes the payload has, also where it is left out; -1 where a list from the history no longer has it.</summary>
    public int PayloadBytes { get; init; }

    /// <summary>The payload; empty where it has more bytes than <see cref="DeadLetterFilter.MaxPayloadBytes"/>.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>What its sender added for itself.</summary>
    public required IReadOnlyDictionary<string, object?> Headers { get; init; }

    /// <summary>Its place in its chain; null for a task of its own.</summary>
    public TaskChain? Chain { get; init; }

    /// <summary>The tasks that its chain goes on with when it is redriven and succeeds.</summary>
    public IReadOnlyList<NewTask> Then { get; init; } = [];

    /// <summary>The letter as a list has it, see <see cref="DeadLetterFilter.MaxPayloadBytes"/>.</summary>
    internal DeadLetter Within(int? maxPayloadBytes) => PayloadBytes > maxPayloadBytes ? this with { Payload = ReadOnlyMemory<byte>.Empty } : this;
}
