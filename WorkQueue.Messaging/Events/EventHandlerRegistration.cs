using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Events;

/// <summary>The handler of a temporary subscription.</summary>
/// <param name="Pattern">Which events it gets.</param>
/// <param name="RunAsync">Reads the payload and runs the handler; <see cref="TaskRejectedException"/> for a payload that does not fit.</param>
internal sealed record EventHandlerRegistration(TopicPattern Pattern, Func<TaskMessage, EventContext, Task> RunAsync)
{
    public static EventHandlerRegistration Create<TPayload>(TopicPattern pattern, Func<TPayload, EventContext, Task> handle) =>
        new(pattern, (message, context) => handle(context.Services.GetRequiredService<PayloadCodec>().Read<TPayload>(message), context));
}
