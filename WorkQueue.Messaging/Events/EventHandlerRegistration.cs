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

    /// <summary>Handles one event. On a thread of its own, as a task's: one that blocks its thread could not be cut. Its services live as long as it runs.</summary>
    public Task HandleAsync(IServiceScopeFactory scopes, TaskMessage message, bool redelivered, bool mayHaveMissed, CancellationToken cancelled) => Task.Run(
        async () =>
        {
            await using AsyncServiceScope scope = scopes.CreateAsyncScope();
            await RunAsync(message, ContextOf(message, redelivered, scope.ServiceProvider, cancelled) with { MayHaveMissed = mayHaveMissed });
        },
        cancelled);

    private static EventContext ContextOf(TaskMessage message, bool redelivered, IServiceProvider services, CancellationToken cancelled) => new()
    {
        Topic = message.Topic!,
        Id = message.Id,
        PublishedAt = message.EnqueuedAt,
        Attempt = 1,
        Redelivered = redelivered,
        CancellationToken = cancelled,
        Services = services,
    };
}
