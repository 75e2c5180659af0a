namespace WorkQueue.Messaging;

/// <summary>
/// Something that goes around every run of this worker, whatever its type: a logging scope, a tenant, a transaction. Register it with
/// <c>AddTaskMiddleware&lt;T&gt;()</c>; the first that is added is the outermost. Events of durable subscriptions pass it too.
/// </summary>
/// <remarks>One is made for each run, from the scope of the run: what it puts into a scoped service the handler finds there.</remarks>
public interface ITaskMiddleware
{
    /// <summary>Goes around one run.</summary>
    /// <param name="context">Which task and attempt it is, and the token that asks the run to stop.</param>
    /// <param name="next">
    /// What is inside: the next one, and at last the handler. It may be called once. Not called: the handler does not run, and what is returned here is the result of the task.
    /// </param>
    /// <returns>The result of the task: what <paramref name="next"/> returned, or another one.</returns>
    /// <exception cref="TaskRejectedException">As from the handler: the task is dead-lettered at once. So are all other exceptions as from the handler.</exception>
#pragma warning disable CA1716 // It is called so everywhere; Visual Basic writes it in brackets.
    Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next);
#pragma warning restore CA1716
}
