using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;

namespace WorkQueue.EntityFrameworkCore;

/// <summary>Enqueues tasks in the transaction of a context.</summary>
public static class TaskOutboxExtensions
{
    /// <summary>
    /// Adds a task of a payload that names its type by <see cref="TaskTypeAttribute"/>, as a row of the outbox: it is sent when what <c>SaveChanges</c> writes is committed, and only then.
    /// The broker need not be there.
    /// </summary>
    /// <param name="context">The context, whose model has <see cref="TaskOutboxModelExtensions.AddTaskOutbox"/>.</param>
    /// <param name="payload">The payload; written as JSON as <see cref="TaskJsonOptions"/> says.</param>
    /// <param name="options">What else it has; null for nothing. A delay begins now.</param>
    /// <returns>
    /// The task's id. Of a task with <see cref="NewTask.Unique"/> there may never be one of this id: whether its key is held is found out when it is sent.
    /// </returns>
    /// <exception cref="InvalidTaskException">The task is not acceptable; nothing was added.</exception>
    /// <exception cref="ArgumentException">As of <see cref="ITaskQueue.CreateTask"/>.</exception>
    /// <exception cref="InvalidOperationException">The context has no outbox, or was made by hand and knows nothing of the program's task queue.</exception>
    [OverloadResolutionPriority(1)] // A text with options is a payload, not a type with options as its payload.
    public static string Enqueue<TPayload>(this DbContext context, TPayload payload, TaskOptions? options = null)
        where TPayload : notnull
    {
        ArgumentNullException.ThrowIfNull(context);
        OutboxWriter writer = OutboxWriter.Of(context);
        return Add(context, writer, writer.Create(payload, options));
    }

    /// <summary>Adds a task of a type with its payload as JSON, as a row of the outbox: it is sent when what <c>SaveChanges</c> writes is committed, and only then.</summary>
    /// <inheritdoc cref="Enqueue{TPayload}(DbContext, TPayload, TaskOptions?)"/>
    /// <param name="context">The context, whose model has <see cref="TaskOutboxModelExtensions.AddTaskOutbox"/>.</param>
    /// <param name="type">The task type, as the worker registered it.</param>
    /// <param name="payload">The payload; written as JSON as <see cref="TaskJsonOptions"/> says.</param>
    /// <param name="options">What else it has; null for nothing. A delay begins now.</param>
    public static string Enqueue<TPayload>(this DbContext context, string type, TPayload payload, TaskOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        OutboxWriter writer = OutboxWriter.Of(context);
        return Add(context, writer, writer.Create(payload, (options ?? new TaskOptions()) with { Type = type }));
    }

    /// <summary>Adds a task as a row of the outbox: it is sent when what <c>SaveChanges</c> writes is committed, and only then.</summary>
    /// <inheritdoc cref="Enqueue{TPayload}(DbContext, TPayload, TaskOptions?)"/>
    /// <param name="context">The context, whose model has <see cref="TaskOutboxModelExtensions.AddTaskOutbox"/>.</param>
    /// <param name="task">The task.</param>
    [OverloadResolutionPriority(2)] // A task is no payload.
    public static string Enqueue(this DbContext context, NewTask task)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(task);
        return Add(context, OutboxWriter.Of(context), task);
    }

    private static string Add(DbContext context, OutboxWriter writer, NewTask task)
    {
        OutboxTask row = writer.RowOf(task);
        context.Add(row);
        writer.Pending?.Add(context);
        return row.TaskId;
    }
}
