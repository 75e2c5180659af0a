using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Messaging.Leading;

/// <summary>Why a leader did not enqueue a task, on its way to who has asked.</summary>
internal static class TaskRefusal
{
    private const char End = '\n';

    /// <summary>Of this one task, and not of the broker: others can be enqueued.</summary>
    public static bool IsOfTheTask(Exception failure) =>
        failure is InvalidTaskException or TaskNotEnqueuedException { Outcome: PublishOutcome.QueueFull or PublishOutcome.Refused or PublishOutcome.Returned }
            or TaskNotEnqueuedException { InnerException: PublishFailedException { IsOfQueue: true } };

    /// <summary>Of those, one that may be in its queue all the same.</summary>
    public static bool IsUnsure(Exception failure) => failure is TaskNotEnqueuedException { Outcome: PublishOutcome.Unknown };

    /// <summary>As a text.</summary>
    public static string Of(Exception failure) => failure switch
    {
        TaskNotEnqueuedException task => $"{task.Outcome}{End}{task.Message}",
        InvalidTaskException task => $"{task.Reason}{End}{task.Message}",
        _ => failure.Message,
    };

    /// <summary>And back; null for one that is not of a task.</summary>
    public static Exception? Read(string refusal, string taskId)
    {
        string[] parts = refusal.Split(End, 2);
        return parts.Length < 2 ? null
            : Enum.TryParse(parts[0], out PublishOutcome outcome) ? new TaskNotEnqueuedException(outcome, taskId, parts[1])
            : Enum.TryParse(parts[0], out InvalidTaskReason reason) ? new InvalidTaskException(reason, parts[1])
            : null;
    }
}
