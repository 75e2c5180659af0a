using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Hosting;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging;

/// <summary>Adds what runs tasks and events, and what goes around it, to the services of any host.</summary>
public static class TaskHandlerServices
{
    /// <summary>Adds the handler of a task type.</summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <typeparam name="THandler">The handler; made anew for each task, with its dependencies from a scope of its own.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="type">The task type: letters, digits, <c>-</c> and <c>_</c>. Default: that of the payload's <see cref="TaskTypeAttribute"/>.</param>
    /// <exception cref="ArgumentException">The type is malformed, or has a handler already; or none is given, and the payload has none.</exception>
    public static IServiceCollection AddTaskHandler<TPayload, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(this IServiceCollection services, string? type = null)
        where THandler : class, ITaskHandler<TPayload>
    {
        ArgumentNullException.ThrowIfNull(services);
        type ??= TaskTypeAttribute.Of(typeof(TPayload));
        CoreRegistration.AddHandler(services, type, TaskHandlerRegistration.Create<TPayload, THandler>(type));
        services.TryAddTransient<THandler>();
        return services;
    }

    /// <summary>Adds the handler of a task type that says what its tasks return.</summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <typeparam name="TResult">The result.</typeparam>
    /// <typeparam name="THandler">The handler; made anew for each task, with its dependencies from a scope of its own.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="type">The task type: letters, digits, <c>-</c> and <c>_</c>. Default: that of the payload's <see cref="TaskTypeAttribute"/>.</param>
    /// <exception cref="ArgumentException">The type is malformed, or has a handler already; or none is given, and the payload has none.</exception>
    public static IServiceCollection AddTaskHandler<TPayload, TResult, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(this IServiceCollection services, string? type = null)
        where THandler : class, ITaskHandler<TPayload, TResult>
    {
        ArgumentNullException.ThrowIfNull(services);
        type ??= TaskTypeAttribute.Of(typeof(TPayload));
        CoreRegistration.AddHandler(services, type, TaskHandlerRegistration.Create<TPayload, TResult, THandler>(type));
        services.TryAddTransient<THandler>();
        return services;
    }

    /// <summary>Adds what goes around every run of this worker; the first that is added is the outermost.</summary>
    /// <typeparam name="TMiddleware">It; made for each run from the run's scope, unless it is registered otherwise.</typeparam>
    /// <param name="services">The services.</param>
    public static IServiceCollection AddTaskMiddleware<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TMiddleware>(this IServiceCollection services)
        where TMiddleware : class, ITaskMiddleware
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddScoped<TMiddleware>();
        services.AddSingleton(new TaskMiddlewareRegistration(typeof(TMiddleware)));
        return services;
    }

    /// <summary>Adds the handler of a task type whose tasks have no result.</summary>
    /// <typeparam name="TPayload">The payload, read as <see cref="ITaskHandler{TPayload}"/> says.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="type">The task type: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="handle">Runs one attempt; what it throws is treated as of <see cref="ITaskHandler{TPayload}.HandleAsync"/>.</param>
    /// <exception cref="ArgumentException">The type is malformed, or has a handler already.</exception>
    public static IServiceCollection AddTaskHandler<TPayload>(
        this IServiceCollection services, string type, Func<TPayload, TaskContext, Task> handle)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(handle);
        CoreRegistration.AddHandler(services, type, TaskHandlerRegistration.Create<TPayload>(type, async (payload, context) =>
        {
            await handle(payload, context);
            return null;
        }));
        return services;
    }

    /// <summary>Adds the handler of a task type whose tasks have a result.</summary>
    /// <typeparam name="TPayload">The payload, read as <see cref="ITaskHandler{TPayload}"/> says.</typeparam>
    /// <typeparam name="TResult">The result, kept in the task's history.</typeparam>
    /// <inheritdoc cref="AddTaskHandler{TPayload}(IServiceCollection, string, Func{TPayload, TaskContext, Task})"/>
    public static IServiceCollection AddTaskHandler<TPayload, TResult>(
        this IServiceCollection services, string type, Func<TPayload, TaskContext, Task<TResult>> handle)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(handle);
        CoreRegistration.AddHandler(services, type, TaskHandlerRegistration.Create<TPayload>(type, async (payload, context) => await handle(payload, context), typeof(TResult)));
        return services;
    }

    /// <summary>Adds the handler of the task type that the payload names by <see cref="TaskTypeAttribute"/>, whose tasks have no result.</summary>
    /// <inheritdoc cref="AddTaskHandler{TPayload}(IServiceCollection, string, Func{TPayload, TaskContext, Task})"/>
    public static IServiceCollection AddTaskHandler<TPayload>(this IServiceCollection services, Func<TPayload, TaskContext, Task> handle) =>
        services.AddTaskHandler(TaskTypeAttribute.Of(typeof(TPayload)), handle);

    /// <summary>Adds the handler of the task type that the payload names by <see cref="TaskTypeAttribute"/>, whose tasks have a result.</summary>
    /// <inheritdoc cref="AddTaskHandler{TPayload, TResult}(IServiceCollection, string, Func{TPayload, TaskContext, Task{TResult}})"/>
    public static IServiceCollection AddTaskHandler<TPayload, TResult>(this IServiceCollection services, Func<TPayload, TaskContext, Task<TResult>> handle) =>
        services.AddTaskHandler(TaskTypeAttribute.Of(typeof(TPayload)), handle);

    /// <summary>Adds a handler of events.</summary>
    /// <typeparam name="TPayload">The payload, read as <see cref="ITaskHandler{TPayload}"/> says.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="pattern">Which topics: <c>orders.*.created</c>; <c>*</c> is one word, <c>#</c> any number, and <c>#</c> alone every event.</param>
    /// <param name="handle">Handles one event; one after the other in each process.</param>
    /// <param name="subscription">
    /// Null: temporary. Every process gets every event while it is connected and keeps up: of more than 20,000 that wait the oldest are dropped, which <see cref="EventContext.MayHaveMissed"/> tells. What
    /// its handler throws is logged and the event passed over.
    /// A name (letters, digits, <c>-</c>, <c>_</c>): durable. The processes that give the same name share the events, which wait while none runs;
    /// retries and dead letters are as with tasks, and a retry comes back to this subscription alone.
    /// </param>
    /// <exception cref="ArgumentException">The pattern or name is malformed, or the subscription has a handler already.</exception>
    public static IServiceCollection AddEventHandler<TPayload>(
        this IServiceCollection services, string pattern, Func<TPayload, EventContext, Task> handle, string? subscription = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(handle);
        EventHandlerRegistration handler = EventHandlerRegistration.Create(TopicRules.PatternOf(pattern), handle);
        if (subscription is null)
        {
            CoreRegistration.AddCore(services);
            services.AddSingleton(handler);
            services.AddHostedService<TemporarySubscriptions>();
            return services;
        }

        Subscription durable = new(TopicRules.NameOf(subscription), handler.Pattern);
        if (services.Any(service => (service.ImplementationInstance as Subscription)?.Name == subscription))
        {
            throw new ArgumentException($"Subscription '{subscription}' has a handler already; give each handler a subscription of its own.", nameof(subscription));
        }

        CoreRegistration.AddConsumers(services);
        services.AddSingleton(durable);
        services.AddSingleton(ForQueue(handler, new TaskQueue(durable, "", default).Name));
        return services;
    }

    // The same handler for a durable subscription, run as the tasks of a queue are.
    private static TaskHandlerRegistration ForQueue(EventHandlerRegistration handler, string queue) => new(queue, async (services, message, context) =>
    {
        await handler.RunAsync(message, new EventContext
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
