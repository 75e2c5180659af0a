namespace WorkQueue.Messaging.Wire;

/// <summary>What the last word of a record's topic may be: what happened to the task.</summary>
internal static class RecordStates
{
    public const string Scheduled = "scheduled";
    public const string Queued = "queued";
    public const string Running = "running";
    public const string Retrying = "retrying";
    public const string Succeeded = "succeeded";
    public const string DeadLettered = "deadLettered";
    public const string Cancelled = "cancelled";
    public const string Progress = "progress";
    public const string Dropped = "dropped";
}
