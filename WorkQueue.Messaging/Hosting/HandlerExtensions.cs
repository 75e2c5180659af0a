using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace WorkQueue.Messaging;

/// <summary>Adds what runs tasks and events, and what goes around it, to a host.</summary>
public static class HandlerExtensions
{
    /// <inheritdoc cref="TaskHandlerServices.AddTaskHandler{TPayload, THandler}(IServiceCollection, string)"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(this IHostApplicationBuilder builder, string? type = null)
        where THandler : class, ITaskHandler<TPayload>
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskHandler<TPayload, THandler>(type);
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddTaskHandler{TPayload, TResult, THandler}(IServiceCollection, string)"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload, TResult, [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler>(this IHostApplicationBuilder builder, string? type = null)
        where THandler : class, ITaskHandler<TPayload, TResult>
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskHandler<TPayload, TResult, THandler>(type);
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddTaskMiddleware{TMiddleware}(IServiceCollection)"/>
    public static IHostApplicationBuilder AddTaskMiddleware<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TMiddleware>(this IHostApplicationBuilder builder)
        where TMiddleware : class, ITaskMiddleware
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskMiddleware<TMiddleware>();
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddTaskHandler{TPayload}(IServiceCollection, string, Func{TPayload, TaskContext, Task})"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload>(
        this IHostApplicationBuilder builder, string type, Func<TPayload, TaskContext, Task> handle)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskHandler(type, handle);
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddTaskHandler{TPayload, TResult}(IServiceCollection, string, Func{TPayload, TaskContext, Task{TResult}})"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload, TResult>(
        this IHostApplicationBuilder builder, string type, Func<TPayload, TaskContext, Task<TResult>> handle)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskHandler(type, handle);
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddTaskHandler{TPayload}(IServiceCollection, Func{TPayload, TaskContext, Task})"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload>(this IHostApplicationBuilder builder, Func<TPayload, TaskContext, Task> handle)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskHandler(handle);
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddTaskHandler{TPayload, TResult}(IServiceCollection, Func{TPayload, TaskContext, Task{TResult}})"/>
    public static IHostApplicationBuilder AddTaskHandler<TPayload, TResult>(this IHostApplicationBuilder builder, Func<TPayload, TaskContext, Task<TResult>> handle)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskHandler(handle);
        return builder;
    }

    /// <inheritdoc cref="TaskHandlerServices.AddEventHandler{TPayload}(IServiceCollection, string, Func{TPayload, EventContext, Task}, string?)"/>
    public static IHostApplicationBuilder AddEventHandler<TPayload>(
        this IHostApplicationBuilder builder, string pattern, Func<TPayload, EventContext, Task> handle, string? subscription = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddEventHandler(pattern, handle, subscription);
        return builder;
    }
}
