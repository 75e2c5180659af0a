using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>Enqueues a task and waits for its end.</summary>
internal sealed class TaskEnding(KeyedTasks keyed, TaskProjection projection, TaskReader reader, TaskWaiters waiters, HistorySettings settings, TimeProvider clock)
{
    /// <summary>Refuses to wait for what is not recorded.</summary>
    /// <exception cref="BadHttpRequestException">409: successes are not in the history.</exception>
    public void RequireAll()
    {
        if (settings.IsOff || settings.OnlyFailures)
        {
            throw new BadHttpRequestException($"wait needs the history of all tasks; WorkQueue:History is {settings.Mode}.", StatusCodes.Status409Conflict);
        }
    }

    /// <summary>Enqueues a task that has an id, one that is made from a key as <see cref="KeyedTasks"/> does; its end is null when the time was up before.</summary>
    public async Task<(EnqueuedTask Enqueued, TaskEnded? Ended)> EnqueueAsync(ITaskQueue queue, NewTask task, bool isKeyed, TimeSpan limit, CancellationToken cancellationToken)
    {
        string id = task.Id!;
        using CancellationTokenSource time = new(limit, clock);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancellationToken);
        // Before it is enqueued: it may have ended when the confirm comes.
        Task<HistoryRecord> end = waiters.EndOfAsync(id, both.Token);
        try
        {
            EnqueuedTask enqueued = isKeyed ? await keyed.EnqueueAsync(task, cancellationToken) : await queue.EnqueueAsync(task, cancellationToken);
            // An id that was sent before, by an Idempotency-Key, may have ended long ago.
            return projection.Find(id) is { HasEnded: true } ended && !KeyedTasks.WasNotEnqueued(ended) && await reader.ReadAsync(id, cancellationToken) is { } known
                ? (enqueued, new TaskEnded(id, known.Task.State.ToText(), PayloadText.JsonOf(known.Result), ErrorOf(known.Task.State, known.Task.Error, known.Task.Reason)))
                : (enqueued, EndOf(await end));
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            TaskState state = projection.Find(id)?.State ?? (task.NotBefore > clock.GetUtcNow() ? TaskState.Scheduled : TaskState.Queued);
            return (new EnqueuedTask(id, state), null);
        }
        finally
        {
            waiters.Forget(id);
        }
    }

    private static TaskEnded EndOf(HistoryRecord record) => new(
        record.TaskId, record.State.ToText(), record.State == TaskState.Succeeded ? PayloadText.JsonOf(record.Body) : null, ErrorOf(record.State, record.Error, record.Reason));

    private static string? ErrorOf(TaskState state, string? error, string? reason) => state == TaskState.Succeeded ? null : error ?? reason;
}
