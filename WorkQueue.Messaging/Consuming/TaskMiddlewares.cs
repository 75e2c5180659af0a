using Microsoft.Extensions.DependencyInjection;

namespace WorkQueue.Messaging.Consuming;

/// <summary>One kind of middleware, as it was added.</summary>
/// <param name="Type">A type that is an <see cref="ITaskMiddleware"/>.</param>
internal sealed record TaskMiddlewareRegistration(Type Type);

/// <summary>What goes around the runs of this worker.</summary>
internal sealed class TaskMiddlewares(IEnumerable<TaskMiddlewareRegistration> registrations)
{
    private readonly Type[] _types = [.. registrations.Select(registration => registration.Type)];

    /// <summary>Nothing goes around them.</summary>
    public bool IsEmpty => _types.Length == 0;

    /// <summary>Runs a handler with all of them around it.</summary>
    public Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> handler) => InvokeAsync(context, handler, 0);

    private Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> handler, int index)
    {
        if (index == _types.Length)
        {
            return handler();
        }

        bool isCalled = false;
        ITaskMiddleware middleware = (ITaskMiddleware)context.Services.GetRequiredService(_types[index]);
        return middleware.InvokeAsync(context, () =>
        {
            // A second run within one delivery would be counted, traced and recorded as the first.
            if (isCalled)
            {
                throw new InvalidOperationException($"{_types[index]} has called next twice; a task that is to run again is thrown as failed, or as a {nameof(TaskRetryException)}.");
            }

            isCalled = true;
            return InvokeAsync(context, handler, index + 1);
        });
    }
}
