using WorkQueue.Messaging;

namespace WorkQueue.EntityFrameworkCore;

/// <summary>
/// A task that waits in the outbox: a row of the table that <see cref="TaskOutboxModelExtensions.AddTaskOutbox"/> adds. Made by <c>context.Enqueue(…)</c>, deleted when the broker has the
/// task. To be looked at, as <c>context.Set&lt;OutboxTask&gt;().Where(task =&gt; task.SetAsideAt != null)</c>.
/// </summary>
public sealed class OutboxTask
{
    /// <summary>The place of the row; the relay goes by it.</summary>
    public long Id { get; internal set; }

    /// <summary>The id of the task.</summary>
    public string TaskId { get; internal set; } = "";

    /// <summary>The task type.</summary>
    public string Type { get; internal set; } = "";

    /// <summary>The queue, by its name in the settings.</summary>
    public string Queue { get; internal set; } = "";

    /// <summary>Tasks of one sequence are sent one after the other: those of a key, of a lane that is ordered, or of a <see cref="NewTask.Unique"/> of which the newest holds. Null for a task that is on its own.</summary>
    public string? Sequence { get; internal set; }

    /// <summary>When it was enqueued.</summary>
    public DateTimeOffset EnqueuedAt { get; internal set; }

    /// <summary>How often the broker, or a rule, has not let it pass.</summary>
    public int Attempts { get; internal set; }

    /// <summary>How often of these it broke a rule: after <see cref="TaskOutboxOptions.MaxAttempts"/> it is set aside.</summary>
    public int RuleAttempts { get; internal set; }

    /// <summary>Why, the last time, at most 2,000 characters of it; null for one that was never refused.</summary>
    public string? Error { get; internal set; }

    /// <summary>When it is tried again; null for at once.</summary>
    public DateTimeOffset? NextTryAt { get; internal set; }

    /// <summary>When it was set aside, since it can never be sent as it is; null for one that waits. Set to null by hand it is tried again.</summary>
    public DateTimeOffset? SetAsideAt { get; internal set; }

    /// <summary>The version in which <see cref="Task"/> is written.</summary>
    public int Format { get; internal set; }

    /// <summary>The whole task, as JSON.</summary>
    public string Task { get; internal set; } = "";

    /// <summary>The trace it was enqueued in, as in the header of this name; null for none.</summary>
    public string? TraceParent { get; internal set; }

    /// <summary>What goes with that trace.</summary>
    public string? TraceState { get; internal set; }
}
