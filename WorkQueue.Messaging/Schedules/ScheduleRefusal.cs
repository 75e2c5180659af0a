namespace WorkQueue.Messaging.Schedules;

/// <summary>Why a task of a schedule was not enqueued, on its way from the leader to who has asked.</summary>
internal static class ScheduleRefusal
{
    private const char End = '\n';

    /// <summary>As a text.</summary>
    public static string Of(Exception failure) => failure switch
    {
        TaskNotEnqueuedException task => $"{task.Outcome}{End}{task.Message}",
        InvalidTaskException task => $"{task.Reason}{End}{task.Message}",
        _ => failure.Message,
    };

    /// <summary>And back.</summary>
    public static Exception Read(string refusal, string taskId)
    {
        string[] parts = refusal.Split(End, 2);
        return parts.Length < 2 ? new InvalidScheduleException(refusal)
            : Enum.TryParse(parts[0], out PublishOutcome outcome) ? new TaskNotEnqueuedException(outcome, taskId, parts[1])
            : Enum.TryParse(parts[0], out InvalidTaskReason reason) ? new InvalidTaskException(reason, parts[1])
            : new InvalidScheduleException(refusal);
    }
}
