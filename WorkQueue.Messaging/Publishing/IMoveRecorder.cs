using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>Told what became of a task that was published: the history.</summary>
internal interface IMoveRecorder
{
    /// <summary>A task was moved by its message.</summary>
    void Moved(TaskMessage message, string state, AttemptEnd? end, AttemptRun? run);

    /// <summary>A task is not there, or was cancelled. Returns when that is confirmed, or will have to be sent again.</summary>
    Task CancelledAsync(TaskMessage message, AttemptEnd end, AttemptRun? run);
}
