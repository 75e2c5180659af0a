using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>The run of a task that goes on in a slot.</summary>
#pragma warning disable CA1001 // The source is never disposed of: a handler that does not stop may hold its token for as long as it likes.
internal sealed class TaskRun(TaskMessage message, DateTimeOffset startedAt)
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _cancelled = new();
    private TaskProgress? _progress;

    public TaskMessage Message { get; } = message;

    public DateTimeOffset StartedAt { get; } = startedAt;

    /// <summary>Whether the history knows of it already.</summary>
    public bool IsRecorded { get; set; }

    /// <summary>Cancelled when somebody cancels the task.</summary>
    public CancellationToken Cancelled => _cancelled.Token;

    public void Cancel() => Quiet.Cancel(_cancelled);

    public void Report(int percent, string? text) => Volatile.Write(ref _progress, new TaskProgress(percent, text));

    /// <summary>The progress since the last call, or null.</summary>
    public TaskProgress? TakeProgress() => Interlocked.Exchange(ref _progress, null);
}
