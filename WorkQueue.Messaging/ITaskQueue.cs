using System.Runtime.CompilerServices;

namespace WorkQueue.Messaging;

/// <summary>Where a program hands tasks over. Registered by <c>AddTaskQueue()</c>; safe for concurrent use.</summary>
public interface ITaskQueue
{
    /// <summary>Makes a task of a payload, to be enqueued by one of the other calls: many at once, say.</summary>
    /// <param name="payload">The payload; written as JSON as <see cref="TaskJsonOptions"/> says.</param>
    /// <param name="options">What else it has; null for nothing.</param>
    /// <exception cref="ArgumentNullException">The payload is null: no handler takes it.</exception>
    /// <exception cref="ArgumentException">It has no task type, by <see cref="TaskTypeAttribute"/> or <see cref="TaskOptions.Type"/>; or both a delay and a moment.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The delay is negative.</exception>
    NewTask CreateTask<TPayload>(TPayload payload, TaskOptions? options = null);

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

    /// <summary>
    /// Enqueues tasks as they come, any number of them: up to <see cref="WorkQueueOptions.PublishWindow"/> wait for their confirms at once, and
    /// no more are taken while the outcomes are not read. Leaving the loop early stops the taking.
    /// </summary>
    /// <param name="tasks">The tasks.</param>
    /// <param name="cancellationToken">Stops the taking and the waiting; the tasks under way may be enqueued all the same.</param>
    /// <returns>What became of each task, as the confirms come: <see cref="EnqueueResult.Given"/> tells of which.</returns>
    IAsyncEnumerable<EnqueueResult> EnqueueAllAsync(IAsyncEnumerable<NewTask> tasks, CancellationToken cancellationToken = default);

    /// <summary>Has a task run and waits for its result. Not for what may take long: then enqueue it and look at its state.</summary>
    /// <typeparam name="TResult">What the result, JSON, is read into; an object or a nullable type where there may be none.</typeparam>
    /// <param name="task">The task. Retried as any other, within the time.</param>
    /// <param name="timeout">How long to wait, up to a day. A task that has not been started by then is not run, and is no dead letter.</param>
    /// <param name="cancellationToken">Stops the waiting; the task may be run all the same.</param>
    /// <exception cref="CallFailedException">It failed, took too long, or nobody knows; <see cref="CallFailedException.Outcome"/> tells which.</exception>
    /// <exception cref="InvalidTaskException">The task is not acceptable; nothing was sent.</exception>
    /// <exception cref="TaskNotEnqueuedException">The broker did not take it; it will not run.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is not more than 0 and at most a day.</exception>
    Task<TResult> CallAsync<TResult>(NewTask task, TimeSpan timeout, CancellationToken cancellationToken = default);
}

/// <summary>What became of one task of many.</summary>
/// <param name="Given">The task that was given.</param>
/// <param name="Task">Its id and state, if the broker confirmed it.</param>
/// <param name="Error">Else why not: an <see cref="InvalidTaskException"/> or a <see cref="TaskNotEnqueuedException"/>.</param>
public sealed record EnqueueResult(NewTask Given, EnqueuedTask? Task, Exception? Error);

/// <summary>A task the broker has confirmed.</summary>
/// <param name="Id">The task's id.</param>
/// <param name="State"><see cref="TaskState.Queued"/>, or <see cref="TaskState.Scheduled"/> for one that runs later.</param>
public sealed record EnqueuedTask(string Id, TaskState State)
{
    /// <summary>The task was there before, and holds the key of the one that was given: see <see cref="NewTask.Unique"/>. Of such a one the state is not always known to be another by now.</summary>
    public bool Existing { get; init; }
}

/// <summary>Shorter forms of the calls of <see cref="ITaskQueue"/>.</summary>
public static class TaskQueueExtensions
{
    /// <summary>Enqueues a task of a payload that names its type by <see cref="TaskTypeAttribute"/>.</summary>
    /// <inheritdoc cref="ITaskQueue.EnqueueAsync"/>
    /// <param name="queue">The queue.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="options">What else it has: a delay, an id, another queue; null for nothing.</param>
    /// <param name="cancellationToken">Stops the waiting. The task may be enqueued all the same.</param>
    /// <exception cref="ArgumentException">As of <see cref="ITaskQueue.CreateTask"/>.</exception>
    [OverloadResolutionPriority(1)] // A text with options is a payload, not a type with options as its payload.
    public static Task<EnqueuedTask> EnqueueAsync<TPayload>(
        this ITaskQueue queue, TPayload payload, TaskOptions? options = null, CancellationToken cancellationToken = default)
        where TPayload : notnull
    {
        ArgumentNullException.ThrowIfNull(queue);
        return queue.EnqueueAsync(queue.CreateTask(payload, options), cancellationToken);
    }

    /// <summary>Enqueues a task of a type with its payload as JSON, and what else it has.</summary>
    /// <inheritdoc cref="ITaskQueue.EnqueueAsync"/>
    /// <param name="queue">The queue.</param>
    /// <param name="type">The task type, as the worker registered it.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="options">What else it has: a delay, an id, another queue.</param>
    /// <param name="cancellationToken">Stops the waiting. The task may be enqueued all the same.</param>
    /// <exception cref="ArgumentException">As of <see cref="ITaskQueue.CreateTask"/>.</exception>
    public static Task<EnqueuedTask> EnqueueAsync<TPayload>(
        this ITaskQueue queue, string type, TPayload payload, TaskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(options);
        return queue.EnqueueAsync(queue.CreateTask(payload, options with { Type = type }), cancellationToken);
    }

    /// <summary>Has a task of a payload run that names its type by <see cref="TaskTypeAttribute"/>, and waits for its result.</summary>
    /// <inheritdoc cref="ITaskQueue.CallAsync"/>
    /// <param name="queue">The queue.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="timeout">How long to wait, up to a day.</param>
    /// <param name="cancellationToken">Stops the waiting; the task may be run all the same.</param>
    public static Task<TResult> CallAsync<TResult>(this ITaskQueue queue, object payload, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return queue.CallAsync<TResult>(queue.CreateTask(payload), timeout, cancellationToken);
    }

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
        return queue.EnqueueAsync(queue.CreateTask(payload, new TaskOptions { Type = type }), cancellationToken);
    }

    /// <summary>Has a task of a type run, with its payload as JSON, and waits for its result.</summary>
    /// <inheritdoc cref="ITaskQueue.CallAsync"/>
    /// <param name="queue">The queue.</param>
    /// <param name="type">The task type, as the worker registered it.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="timeout">How long to wait, up to a day.</param>
    /// <param name="cancellationToken">Stops the waiting; the task may be run all the same.</param>
    public static Task<TResult> CallAsync<TResult>(
        this ITaskQueue queue, string type, object payload, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return queue.CallAsync<TResult>(queue.CreateTask(payload, new TaskOptions { Type = type }), timeout, cancellationToken);
    }
}
