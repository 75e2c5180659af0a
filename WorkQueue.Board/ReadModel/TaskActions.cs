using System.Text;
using System.Text.Json;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>What can be done with a task that is known: the same for the API and the board.</summary>
internal sealed class TaskActions(
    TaskFinder finder, TaskReader reader, TaskLookup lookup, ITaskControl control, ITaskQueue queue, IDeadLetters letters, ILogger<TaskActions> logger)
{
    /// <summary>Cancels a task.</summary>
    /// <returns>The task: cancelled, or still running until its worker has stopped it.</returns>
    /// <exception cref="BadHttpRequestException">404: it is unknown; 409: it has ended.</exception>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm.</exception>
    public async Task<TaskView> CancelAsync(string id, CancellationToken cancellationToken)
    {
        TaskView task = await finder.FindAsync(id, cancellationToken) ?? throw lookup.Unknown(id);
        if (task.HasEnded)
        {
            throw new BadHttpRequestException($"Task '{id}' is {task.State.ToText()}: it has ended and cannot be cancelled.", StatusCodes.Status409Conflict);
        }

        if (task.State == TaskState.Unknown)
        {
            throw new BadHttpRequestException($"Task '{id}' is not on the broker any more: {task.Reason}. Nobody can cancel it.", StatusCodes.Status409Conflict);
        }

        await CancelAsync([task], cancellationToken);
        return task.State == TaskState.Running ? task : task with { State = TaskState.Cancelled };
    }

    /// <summary>Cancels those of some tasks that have not ended, and says how many.</summary>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm.</exception>
    public async Task<int> CancelAsync(IReadOnlyList<TaskView> tasks, CancellationToken cancellationToken)
    {
        TaskToCancel[] pending =
        [
            .. tasks.Where(task => task is { HasEnded: false, State: not TaskState.Unknown })
                .Select(task => new TaskToCancel(task.Id, task.Type, task.Queue, task.Attempt, task.Redriven, task.State == TaskState.Running)),
        ];
        if (pending.Length > 0)
        {
            await control.CancelAsync(pending, cancellationToken);
        }

        return pending.Length;
    }

    /// <summary>Runs a finished task again, under a new id. A dead letter is taken away when the new task is confirmed.</summary>
    /// <param name="id">The task.</param>
    /// <param name="payload">Another payload, JSON; null for its own. For a task of plain text a JSON string is the text.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="BadHttpRequestException">404: it is unknown; 409: it is still pending, or its payload is not kept.</exception>
    public async Task<EnqueuedTask> RunAgainAsync(string id, ReadOnlyMemory<byte>? payload, CancellationToken cancellationToken)
    {
        TaskDetail detail = await reader.ReadAsync(id, cancellationToken) ?? throw lookup.Unknown(id);
        TaskView task = detail.Task;
        if (!task.HasEnded && task.State != TaskState.Unknown)
        {
            throw new BadHttpRequestException($"Task '{id}' is {task.State.ToText()}: it has not ended, so it cannot be run again yet.", StatusCodes.Status409Conflict);
        }

        if (payload is null && detail.Payload is null)
        {
            throw new BadHttpRequestException($"{detail.PayloadNote} Send a payload to run task '{id}' again.", StatusCodes.Status409Conflict);
        }

        if (detail.Chain is { IsWhole: false } part && (part.Place.Place > 0 || task.State != TaskState.Succeeded))
        {
            throw new BadHttpRequestException(
                $"Task '{id}' is part of a chain, of which the history has neither the payloads nor the results: it cannot be run again from here. Enqueue what is left of the chain, or redrive a dead letter.", StatusCodes.Status409Conflict);
        }

        EnqueuedTask enqueued = await queue.EnqueueAsync(CopyOf(detail, payload), cancellationToken);
        if (task.State == TaskState.DeadLettered)
        {
            // A redrive of many that goes on may hold the letter for long; who runs the task again need not wait for that.
            await DiscardAsync(task).WaitAsync(TimeSpan.FromSeconds(2), TimeProvider.System, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return enqueued;
    }

    private static NewTask CopyOf(TaskDetail detail, ReadOnlyMemory<byte>? payload)
    {
        bool wasText = detail.ContentType == "text/plain" || (payload is null && detail.ContentType != "application/json");
        NewTask task = new()
        {
            Type = detail.Task.Type,
            Queue = detail.Task.Queue,
            Key = detail.Key,
            Priority = detail.Priority,
            Body = detail.Payload ?? default,
            ContentType = wasText ? "text/plain" : "application/json",
            RunOf = detail.Task.Id,
            // Its chain goes on with it, unless it has gone on already. A chain that is run again from its first task is another one.
            Chain = detail.Chain?.Place is { Place: > 0 } place ? place : null,
            Then = detail.Chain is { } chain && detail.Task.State != TaskState.Succeeded ? chain.Then : [],
        };
        if (payload is not { } edited)
        {
            return task;
        }

        JsonElement value = StrictJson.Parse<JsonElement>(edited.Span);
        return wasText && value.ValueKind == JsonValueKind.String
            ? task with { Body = Encoding.UTF8.GetBytes(value.GetString()!) }
            : task with { Body = edited, ContentType = "application/json" };
    }

    // The new task is on its way whatever becomes of the letter; one that stays can be discarded by hand.
    private async Task DiscardAsync(TaskView task)
    {
        try
        {
            DeadLetterFilter its = new() { Queue = task.Queue, Ids = new HashSet<string>(StringComparer.Ordinal) { task.Id }, Limit = 2 };
            // Of several of one id only one runs again, and nobody can tell which letter is that one's: none may be lost.
            if (await letters.CountAsync(its, CancellationToken.None) > 1)
            {
                logger.LetterNotDiscarded(task.Id, "its queue has several letters of this id");
                return;
            }

            await letters.DiscardAsync(its with { Limit = 1 }, CancellationToken.None);
        }
        catch (Exception failure) when (failure is BrokerUnavailableException or InvalidTaskException)
        {
            logger.LetterNotDiscarded(task.Id, failure.Message);
        }
    }
}
