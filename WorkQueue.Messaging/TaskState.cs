namespace WorkQueue.Messaging;

/// <summary>The last known stage of a task; drawn in docs/states.md.</summary>
public enum TaskState
{
    /// <summary>Waits on the broker for the moment it was enqueued for.</summary>
    Scheduled,

    /// <summary>Waits in its queue for a free worker.</summary>
    Queued,

    /// <summary>A worker runs it.</summary>
    Running,

    /// <summary>An attempt failed; it waits on the broker for the next one.</summary>
    Retrying,

    /// <summary>Finished.</summary>
    Succeeded,

    /// <summary>Will not be tried again; kept in the dead-letter queue.</summary>
    DeadLettered,

    /// <summary>Was cancelled.</summary>
    Cancelled,

    /// <summary>
    /// Its queue is empty and nobody holds it, but no end was told: a worker that reports nothing took it. Never in a record of the history; what the task
    /// list makes of a queue that has nothing.
    /// </summary>
    Unknown,
}
