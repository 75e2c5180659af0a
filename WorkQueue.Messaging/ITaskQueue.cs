namespace WorkQueue.Messaging;

/// <summary>Where a program hands tasks over. Registered by <c>AddTaskQueue()</c>; safe for concurrent use.</summary>
public interface ITaskQueue
{
    /// <summary>Enqueues a task. Returns only after the broker confirmed that it has it on disk, in its queue.</summary>
    /// <param name="task">The task.</param>
    /// <param name="cancellationToken">Stops the waiting. The task may be enqueued all the same.</param>
    /// <returns>The task's id and state.</returns>
    /// <exception cref="InvalidTaskException">The task is not acceptable, whatever the broker; nothing was sent.</exception>
    /// <exception cref="TaskNotEnqueuedException">
    /// The broker did not take it, or did not say; <see cref="TaskNotEnqueuedException.Outcome"/> tells which.
    /// </exception>
    Task<EnqueuedTask> EnqueueAsync(NewTask task, CancellationToken cancellationToken = default);

    /// <summary>Enqueues many tasks, as many at once as <see cref="WorkQueueOptions.PublishWindow"/> allows. One that fails does not stop the others.</summary>
    /// <param name="tasks">The tasks.</param>
    /// <param name="cancellationToken">Stops the waiting; the tasks under way may be enqueued all the same.</param>
    /// <returns>What became of each task, in their order.</returns>
    Task<IReadOnlyList<EnqueueResult>> EnqueueManyAsync(IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken = default);
}

/// <summary>What became of one task of many.</summary>
/// <param name="Task">The task, if the broker confirmed it.</param>
/// <param name="Error">Else why not: an <see cref="InvalidTaskException"/> or a <see cref="TaskNotEnqueuedException"/>.</param>
public sealed record EnqueueResult(EnqueuedTask? Task, Exception? Error);

/// <summary>A task the broker has confirmed.</summary>
/// <param name="Id">The task's id.</param>
/// <param name="State"><see cref="TaskState.Queued"/>, or <see cref="TaskState.Scheduled"/> for one that runs later.</param>
public sealed record EnqueuedTask(string Id, TaskState State);

/// <summary>Shorter calls of <see cref="ITaskQueue.EnqueueAsync"/>.</summary>
public static class TaskQueueExtensions
{
    /// <summary>Enqueues a task of a type with its payload as JSON.</summary>
    /// <inheritdoc cref="ITaskQueue.EnqueueAsync"/>
    /// <param name="queue">The queue.</param>
    /// <param name="type">The task type, as the worker registered it.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="cancellationToken">Stops the waiting. The task may be enqueued all the same.</param>
    public static Task<EnqueuedTask> EnqueueAsync<TPayload>(
        this ITaskQueue queue, string type, TPayload payload, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return queue.EnqueueAsync(NewTask.Json(type, payload), cancellationToken);
    }
}
