using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>The handler of a temporary subscription.</summary>
/// <param name="Pattern">Which events it gets.</param>
/// <param name="RunAsync">Reads the payload and runs the handler; <see cref="TaskRejectedException"/> for a payload that does not fit.</param>
internal sealed record EventHandlerRegistration(TopicPattern Pattern, Func<TaskMessage, EventContext, Task> RunAsync)
{
    public static EventHandlerRegistration Create<TPayload>(TopicPattern pattern, Func<TPayload, EventContext, Task> handle) =>
        new(pattern, (message, context) => handle(TaskHandlerRegistration.ReadPayload<TPayload>(message), context));

    /// <summary>The same handler for a durable subscription, run as the tasks of a queue are.</summary>
    public TaskHandlerRegistration ForQueue(string queue) => new(queue, async (services, message, context) =>
    {
        await RunAsync(message, new EventContext
        {
            Topic = message.Topic!,
            Id = context.Id,
            PublishedAt = context.EnqueuedAt,
            Attempt = context.Attempt,
            Redelivered = context.Redelivered,
            CancellationToken = context.CancellationToken,
            Services = services,
        });
        return null;
    });
}
