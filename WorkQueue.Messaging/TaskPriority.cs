namespace WorkQueue.Messaging;

/// <summary>How urgent a task is. Those that are more so are taken first; each tenth taken is one of the others.</summary>
public enum TaskPriority
{
    /// <summary>As most are.</summary>
    Normal,

    /// <summary>Before the others.</summary>
    High,

    /// <summary>After the others.</summary>
    Low,
}
