using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>How the tasks of one type are run.</summary>
/// <param name="Type">The task type.</param>
/// <param name="RunAsync">Reads the payload and runs the handler; <see cref="TaskRejectedException"/> for a payload that does not fit.</param>
/// <param name="ResultType">What its result is declared as; null where it is not.</param>
internal sealed record TaskHandlerRegistration(string Type, Func<IServiceProvider, TaskMessage, TaskContext, Task<object?>> RunAsync, Type? ResultType = null)
{
    public static TaskHandlerRegistration Create<TPayload, THandler>(string type)
        where THandler : class, ITaskHandler<TPayload> =>
        new(type, (services, message, context) =>
        {
            TPayload payload = services.GetRequiredService<PayloadCodec>().Read<TPayload>(message);
            return services.GetRequiredService<THandler>().HandleAsync(payload, context);
        });

    public static TaskHandlerRegistration Create<TPayload, TResult, THandler>(string type)
        where THandler : class, ITaskHandler<TPayload, TResult> =>
        new(type, async (services, message, context) =>
        {
            TPayload payload = services.GetRequiredService<PayloadCodec>().Read<TPayload>(message);
            return await services.GetRequiredService<THandler>().HandleAsync(payload, context);
        }, typeof(TResult));

    public static TaskHandlerRegistration Create<TPayload>(string type, Func<TPayload, TaskContext, Task<object?>> handle, Type? resultType = null) =>
        new(type, (services, message, context) => handle(services.GetRequiredService<PayloadCodec>().Read<TPayload>(message), context), resultType);
}
