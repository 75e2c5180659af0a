using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging.Consuming;

namespace WorkQueue.Messaging;

/// <summary>Handlers that are lambdas or methods.</summary>
public static class HandlerExtensions
{
    /// <summary>Adds the handler of a task type whose tasks have no result.</summary>
    /// <typeparam name="TPayload">The payload, read as <see cref="ITaskHandler{TPayload}"/> says.</typeparam>
    /// <param name="builder">The host builder.</param>
    /// <param name="type">The task type: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="handle">Runs one attempt; what it throws is treated as of <see cref="ITaskHandler{TPayload}.HandleAsync"/>.</param>
    /// <exception cref="ArgumentException">The type is malformed, or has a handler already.</exception>
    public static IHostApplicationBuilder AddTaskHandler<TPayload>(
        this IHostApplicationBuilder builder, string type, Func<TPayload, TaskContext, Task> handle)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(handle);
        HostingExtensions.AddHandler(builder, type, TaskHandlerRegistration.Create<TPayload>(type, async (payload, context) =>
        {
            await handle(payload, context);
            return null;
        }));
        return builder;
    }

    /// <summary>Adds the handler of a task type whose tasks have a result.</summary>
    /// <typeparam name="TPayload">The payload, read as <see cref="ITaskHandler{TPayload}"/> says.</typeparam>
    /// <typeparam name="TResult">The result, kept in the task's history.</typeparam>
    /// <inheritdoc cref="AddTaskHandler{TPayload}"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload, TResult>(
        this IHostApplicationBuilder builder, string type, Func<TPayload, TaskContext, Task<TResult>> handle)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(handle);
        HostingExtensions.AddHandler(builder, type, TaskHandlerRegistration.Create<TPayload>(type, async (payload, context) => await handle(payload, context)));
        return builder;
    }
}
