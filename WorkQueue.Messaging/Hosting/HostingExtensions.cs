using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Hosting;

namespace WorkQueue.Messaging;

/// <summary>Adds the queue to a host, or to the services of one.</summary>
public static class HostingExtensions
{
    /// <summary>The name of the connection string: <c>ConnectionStrings:rabbitmq</c>.</summary>
    public const string ConnectionName = "rabbitmq";

    /// <summary>
    /// Adds <see cref="ITaskQueue"/>, its health check and the queue metrics. For programs that hand tasks over. The broker is that of the
    /// <c>IConnectionFactory</c> which is registered (as by Aspire's <c>AddRabbitMQClient("rabbitmq")</c>), else of the connection string <c>rabbitmq</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue</c>.</param>
    public static IServiceCollection AddTaskQueue(this IServiceCollection services, Action<WorkQueueOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        CoreRegistration.AddQueue(services);
        return Configured(services, configure);
    }

    /// <summary>Adds a worker: it takes tasks and runs them with the handlers added by <see cref="TaskHandlerServices"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue</c>.</param>
    public static IServiceCollection AddTaskWorker(this IServiceCollection services, Action<WorkQueueOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        CoreRegistration.AddConsumers(services);
        services.TryAddSingleton<TaskIntake>();
        return Configured(services, configure);
    }

    /// <inheritdoc cref="AddTaskQueue(IServiceCollection, Action{WorkQueueOptions}?)"/>
    /// <param name="builder">The host builder.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue</c>.</param>
    public static IHostApplicationBuilder AddTaskQueue(this IHostApplicationBuilder builder, Action<WorkQueueOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskQueue(configure);
        return builder;
    }

    /// <inheritdoc cref="AddTaskWorker(IServiceCollection, Action{WorkQueueOptions}?)"/>
    /// <param name="builder">The host builder.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue</c>.</param>
    public static IHostApplicationBuilder AddTaskWorker(this IHostApplicationBuilder builder, Action<WorkQueueOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskWorker(configure);
        return builder;
    }

    // After the configuration, whichever is called first: what is written in code is meant.
    private static IServiceCollection Configured(IServiceCollection services, Action<WorkQueueOptions>? configure) =>
        configure is null ? services : services.PostConfigure(configure);
}
