using System.Text.Json;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

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
        Task<HistoryRecord> next = waiters.Join(id);
        EnqueuedTask? enqueued = null;
        try
        {
            enqueued = isKeyed ? await keyed.EnqueueAsync(task, cancellationToken) : await queue.EnqueueAsync(task, cancellationToken);
            // An id that was sent before, by an Idempotency-Key, may have ended long ago.
            HistoryRecord? last = null;
            while (true)
            {
                if (await EndOfAsync(id, last, cancellationToken) is { } ended)
                {
                    return (enqueued, ended);
                }

                last = await next.WaitAsync(both.Token);
                next = waiters.Next(id);
            }
        }
        catch (BadHttpRequestException unread) when (enqueued is not null && unread.StatusCode == StatusCodes.Status503ServiceUnavailable)
        {
            // It is enqueued: who is told to try again would enqueue it twice.
            return (enqueued, null);
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return (new EnqueuedTask(id, StateOf(id) ?? (task.Delay > TimeSpan.Zero || task.NotBefore > clock.GetUtcNow() ? TaskState.Scheduled : TaskState.Queued)), null);
        }
        finally
        {
            waiters.Forget(id);
        }
    }

    /// <summary>The state of a task as far as the history is read; null where it does not tell of it.</summary>
    public TaskState? StateOf(string id)
    {
        try
        {
            return projection.Find(id)?.State;
        }
        catch (BadHttpRequestException)
        {
            return null;
        }
    }

    // A record may be of an earlier run, or of what no queue took: whether the task has ended, the projection knows.
    private async Task<TaskEnded?> EndOfAsync(string id, HistoryRecord? last, CancellationToken cancellationToken)
    {
        if (projection.Find(id) is not { } known)
        {
            // Dropped already, of more tasks than are kept.
            return last is null or { Reason: ITaskHistory.NotEnqueued } ? null : EndOf(last);
        }

        if (!known.HasEnded || KeyedTasks.WasNotEnqueued(known))
        {
            return null;
        }

        if (last is not null && (last.State, last.Attempt, last.Redriven) == (known.State, known.Attempt, known.Redriven))
        {
            return EndOf(last);
        }

        return await reader.ReadAsync(id, cancellationToken) is { } told
            ? new TaskEnded(id, told.Task.State.ToText(), PayloadText.JsonOf(told.Result), ErrorOf(told.Task.State, told.Task.Error, told.Task.Reason))
            : null;
    }

    private static TaskEnded EndOf(HistoryRecord record) => new(
        record.TaskId, record.State.ToText(), record.State == TaskState.Succeeded ? PayloadText.JsonOf(record.Body) : null, ErrorOf(record.State, record.Error, record.Reason));

    private static string? ErrorOf(TaskState state, string? error, string? reason) => state == TaskState.Succeeded ? null : error ?? reason;
}

/// <summary>A task that was waited for and has ended.</summary>
/// <param name="Id">The task.</param>
/// <param name="State">How it ended.</param>
/// <param name="Result">What it returned.</param>
/// <param name="Error">Why it did not succeed.</param>
internal sealed record TaskEnded(string Id, string State, JsonElement? Result, string? Error);
