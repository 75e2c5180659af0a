namespace WorkQueue.Messaging;

/// <summary>The code that runs the tasks of one type. Register it with <c>AddTaskHandler&lt;TPayload, THandler&gt;("type")</c>.</summary>
/// <typeparam name="TPayload">
/// What the task's payload is read into: JSON (camelCase, case-insensitive), or for a <c>text/plain</c> task a <see cref="string"/>
/// or a type with a <c>text</c> property.
/// </typeparam>
/// <remarks>
/// A handler may run more than once for the same task (at least once delivery): after a fault the task is delivered again with the
/// same <see cref="TaskContext.Id"/>. A new instance is made for each run, from a scope of its own.
/// </remarks>
public interface ITaskHandler<in TPayload>
{
    /// <summary>Runs one attempt.</summary>
    /// <param name="payload">The payload of the task.</param>
    /// <param name="context">Which task and attempt this is, and the token that asks the handler to stop.</param>
    /// <returns>The result of the task, for its history; null for a task without a result.</returns>
    /// <exception cref="TaskRejectedException">The task can never succeed: it is dead-lettered at once, without a retry.</exception>
    /// <exception cref="TaskRetryException">Try again, after the delay the handler chose.</exception>
    /// <exception cref="Exception">Any other exception is a failed attempt: retried by the type's delays, then dead-lettered.</exception>
    Task<object?> HandleAsync(TPayload payload, TaskContext context);
}

/// <summary>The code that runs the tasks of one type and says what they return. Register it with <c>AddTaskHandler&lt;TPayload, TResult, THandler&gt;("type")</c>.</summary>
/// <typeparam name="TPayload">As of <see cref="ITaskHandler{TPayload}"/>.</typeparam>
/// <typeparam name="TResult">The result of a task, for its history and for who calls it, written as JSON with camelCase names.</typeparam>
/// <inheritdoc cref="ITaskHandler{TPayload}"/>
public interface ITaskHandler<in TPayload, TResult>
{
    /// <summary>Runs one attempt.</summary>
    /// <param name="payload">The payload of the task.</param>
    /// <param name="context">Which task and attempt this is, and the token that asks the handler to stop.</param>
    /// <returns>The result of the task.</returns>
    /// <exception cref="TaskRejectedException">As of <see cref="ITaskHandler{TPayload}.HandleAsync"/>, as all others.</exception>
    Task<TResult> HandleAsync(TPayload payload, TaskContext context);
}
