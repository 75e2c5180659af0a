using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using WorkQueue.EntityFrameworkCore.Monitoring;
using WorkQueue.EntityFrameworkCore.Relaying;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;

namespace WorkQueue.EntityFrameworkCore;

/// <summary>Adds what sends the tasks of an outbox.</summary>
public static class TaskOutboxServices
{
    /// <summary>
    /// Adds <see cref="ITaskQueue"/> and a relay: it sends what a context enqueues, from the moment it is committed. Any number of programs may have one for the same table. Needs PostgreSQL by
    /// <c>Npgsql.EntityFrameworkCore.PostgreSQL</c>; with another provider the program does not start.
    /// </summary>
    /// <typeparam name="TContext">The context, added by <c>AddDbContext</c>, a pool or a factory; its model has <see cref="TaskOutboxModelExtensions.AddTaskOutbox"/>.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue:Outbox</c>.</param>
    public static IServiceCollection AddTaskOutbox<TContext>(this IServiceCollection services, Action<TaskOutboxOptions>? configure = null)
        where TContext : DbContext
    {
        ArgumentNullException.ThrowIfNull(services);
        string name = Outbox<TContext>.OptionsName;
        if (!services.Any(service => service.ServiceType == typeof(Outbox<TContext>)))
        {
            string shown = NameOf(typeof(TContext), services);
            // First, so that it stops last: what the relay has begun to send is confirmed before.
            services.AddTaskQueue();
            AddSettings(services, name);
            services.TryAddSingleton<PendingContexts>();
            services.TryAddSingleton<OutboxSender>();
            services.AddSingleton(provider => ActivatorUtilities.CreateInstance<Outbox<TContext>>(provider, shown));
            services.ConfigureDbContext<TContext>((provider, context) => context.AddInterceptors(
                new OutboxInterceptor(provider.GetRequiredService<PendingContexts>(), provider.GetRequiredService<Outbox<TContext>>().Signal)));
            services.AddHostedService<OutboxRelay<TContext>>();
            services.AddSingleton<OutboxMonitor<TContext>>();
            services.AddHostedService(provider => provider.GetRequiredService<OutboxMonitor<TContext>>());
            services.AddHealthChecks().AddCheck<OutboxHealthCheck<TContext>>($"outbox-{shown}");
        }

        return configure is null ? services : services.PostConfigure(name, configure);
    }

    // Two contexts of one name are not to be one in the health, which refuses that, and in metrics.
    private static string NameOf(Type context, IServiceCollection services) => services.Any(service =>
        service.ServiceType is { IsConstructedGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Outbox<>) && type.GenericTypeArguments[0].Name == context.Name)
        ? context.FullName! : context.Name;

    private static void AddSettings(IServiceCollection services, string name)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TaskOutboxOptions>, TaskOutboxOptionsValidator>());
        services.AddOptions<TaskOutboxOptions>(name)
            .Configure<IServiceProvider>((options, provider) => provider.GetService<IConfiguration>()?.GetSection(TaskOutboxOptions.Section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true))
            .ValidateOnStart();
    }
}
