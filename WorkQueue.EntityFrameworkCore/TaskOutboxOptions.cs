namespace WorkQueue.EntityFrameworkCore;

/// <summary>The settings of the relay, section <c>WorkQueue:Outbox</c>. All are checked when the host starts.</summary>
public sealed class TaskOutboxOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "WorkQueue:Outbox";

    /// <summary>
    /// How often the table is looked at besides. Default 1 s, 50 ms to 1 min. What this process commits is sent at once; this is for what others commit that have no relay.
    /// </summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How many tasks are sent in one transaction of the relay. Default 100, 1 to 1,000. A relay that dies sends so many again at most.</summary>
    public int BatchSize { get; set; } = 100;

    /// <summary>
    /// How often a task that is refused for what it is, as one of a type that nobody knows any more, is tried before it is set aside. Default 20, which takes some ten minutes:
    /// longer than a deployment, during which an earlier version may know less. 1 to 1,000.
    /// </summary>
    public int MaxAttempts { get; set; } = 20;

    /// <summary>The longest wait before a task that was not taken is tried again; the first one is at most 0.2 s. Default 1 min, 1 s to 1 h.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromMinutes(1);
}
