using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Batches;
using WorkQueue.Messaging.Calls;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Consuming.Adaptive;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.DeadLetters;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Events;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Monitoring;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Schedules;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Hosting;

/// <summary>Puts the library together.</summary>
internal static class CoreRegistration
{
    /// <summary>Adds what a program needs that hands tasks over.</summary>
    public static void AddQueue(IServiceCollection services)
    {
        AddCore(services);
        if (services.Any(service => service.ServiceType == typeof(IDeadLetters)))
        {
            return;
        }

        services.AddSingleton<LetterWalk>();
        services.AddSingleton<IDeadLetters, DeadLetterBox>();
        services.AddSingleton<QueueMonitor>();
        services.AddSingleton<IQueueCounts>(provider => provider.GetRequiredService<QueueMonitor>());
        services.AddHostedService(provider => provider.GetRequiredService<QueueMonitor>());
        services.AddSingleton<ITaskHistory, TaskHistory>();
        services.AddSingleton<WorkerDirectory>();
        services.AddSingleton<IWorkerDirectory>(provider => provider.GetRequiredService<WorkerDirectory>());
        services.AddHostedService(provider => provider.GetRequiredService<WorkerDirectory>());
    }

    /// <summary>Adds what takes tasks or events; which, is told by the other services.</summary>
    public static void AddConsumers(IServiceCollection services)
    {
        AddCore(services);
        if (services.Any(service => service.ServiceType == typeof(TaskWorkerService)))
        {
            return;
        }

        services.AddSingleton<WorkerIdentity>();
        services.AddSingleton<TaskReplier>();
        services.AddSingleton<TaskSettler>();
        services.AddSingleton<TaskMiddlewares>();
        services.AddSingleton<TaskExecutor>();
        services.AddSingleton<TaskPipeline>();
        services.AddSingleton<ConsumerSources>(SourcesOf);
        services.AddSingleton<ThreadSupply>();
        services.AddSingleton<PermitPools>();
        services.AddSingleton<RatePools>();
        services.AddSingleton<Solitude>();
        services.AddSingleton<UnsettledRuns>();
        services.AddSingleton<UnknownTypes>();
        services.AddSingleton<LaneRests>();
        services.AddSingleton<TaskWorkerService>();
        services.AddHostedService(provider => provider.GetRequiredService<TaskWorkerService>());
        services.AddHostedService<WorkerReporter>();
        services.AddHealthChecks().AddCheck<WorkerHealthCheck>(HealthReporter.WorkerCheck);
        services.AddSingleton<IHealthCheckPublisher, HealthReporter>();
        services.Configure<HealthCheckPublisherOptions>(publish => (publish.Delay, publish.Period) = (TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10)));
        services.AddOptions<HostOptions>().PostConfigure<IOptions<WorkQueueOptions>>(
            (host, queue) => host.ShutdownTimeout = Longer(host.ShutdownTimeout, queue.Value.Worker.DrainTimeout + TimeSpan.FromSeconds(10)));
    }

    private static ConsumerSources SourcesOf(IServiceProvider provider)
    {
        TaskPipeline pipeline = provider.GetRequiredService<TaskPipeline>();
        return pipeline.Options.Value.Worker.IsAdaptive ? () => new AdaptiveConsumers(pipeline) : () => new SingleConsumers(pipeline);
    }

    /// <summary>Adds how the tasks of one type are run.</summary>
    /// <exception cref="ArgumentException">The type is malformed, or has a handler already.</exception>
    public static void AddHandler(IServiceCollection services, string type, TaskHandlerRegistration handler)
    {
        if (!Names.IsValid(type))
        {
            throw new ArgumentException($"'{type}' is no task type: a type is {Names.Rule}.", nameof(type));
        }

        if (services.Any(service => (service.ImplementationInstance as TaskHandlerRegistration)?.Type == type))
        {
            throw new ArgumentException($"Task type '{type}' has a handler already.", nameof(type));
        }

        services.AddSingleton(handler);
    }

    /// <summary>Adds what every use of the queue needs.</summary>
    public static void AddCore(IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(TaskTopology)))
        {
            return;
        }

        ConnectionRegistration.Add(services);
        services.AddOptions<WorkQueueOptions>()
            .Configure<IServiceProvider>((options, provider) => SettingsReader.Read(options, provider.GetService<IConfiguration>()))
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<WorkQueueOptions>, WorkQueueOptionsValidator>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<WorkQueueTelemetry>();
        services.AddSingleton<PayloadCodec>();
        services.AddSingleton<TaskTopology>();
        services.AddSingleton<TopologyDeclarer>();
        services.AddSingleton(provider => new TaskCatalogue(provider.GetRequiredService<TaskTopology>()));
        services.AddSingleton(provider => new QueuePolicies(provider.GetRequiredService<TaskTopology>(), provider.GetRequiredService<IOptions<WorkQueueOptions>>()));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ConfirmedPublisher>(
            provider, provider.GetRequiredKeyedService<SupervisedConnection>(ConnectionPurpose.Publish)));
        services.AddSingleton<IPublisher>(provider => provider.GetRequiredService<ConfirmedPublisher>());
        services.AddSingleton<IQueueGuard, QueueGuard>();
        services.AddSingleton<TaskPublisher>();
        services.AddSingleton<ReplyQueue>();
        services.AddSingleton<IReplies>(provider => provider.GetRequiredService<ReplyQueue>());
        services.AddHostedService(provider => provider.GetRequiredService<ReplyQueue>());
        services.AddSingleton<ITaskQueue, TaskClient>();
        services.AddSingleton<ITaskEvents, EventPublisher>();
        services.AddHostedService<ConnectionService>();
        services.AddSingleton<HistoryRecorder>();
        services.AddSingleton<IMoveRecorder>(provider => provider.GetRequiredService<HistoryRecorder>());
        services.AddHostedService(provider => provider.GetRequiredService<HistoryRecorder>());
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<StreamFollower>(
            provider, provider.GetRequiredKeyedService<SupervisedConnection>(ConnectionPurpose.Consume)));
        services.AddSingleton<ControlLog>();
        services.AddSingleton<ICancelledTasks>(provider => provider.GetRequiredService<ControlLog>());
        services.AddHostedService(provider => provider.GetRequiredService<ControlLog>());
        services.AddSingleton<ControlWriter>();
        services.AddSingleton<SuspectRuns>();
        services.AddSingleton<SuspectReporter>();
        services.AddHostedService(provider => provider.GetRequiredService<SuspectReporter>());
        services.AddSingleton<ITaskControl, TaskControl>();
        AddLeading(services);
        services.AddHealthChecks().AddCheck<PublishingHealthCheck>("rabbitmq");
    }

    private static void AddLeading(IServiceCollection services)
    {
        services.AddSingleton<TaskEnds>();
        services.AddSingleton<LeaderQueues>();
        services.AddSingleton<LeaderNeed>();
        services.TryAddSingleton(new LeaderLimits());
        services.AddSingleton<LeaderLog>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<LeaderService>(provider));
        services.AddSingleton<ILeaderCommands, LeaderCommands>();
        services.AddSingleton<ScheduleBook>();
        services.AddSingleton<ScheduleRules>();
        services.AddSingleton<ILeaderDuty, Scheduler>();
        services.AddSingleton<ISchedules, ScheduleClient>();
        services.AddSingleton<ILeaderDuty, UniqueTasks>();
        services.AddSingleton<UniqueClient>();
        services.AddSingleton<ILeaderDuty, RateKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<LeaderService>());
        services.AddHostedService<DefinedSchedules>();
        AddBatches(services);
    }

    private static void AddBatches(IServiceCollection services)
    {
        services.AddSingleton<BatchBook>();
        services.AddSingleton<BatchRules>();
        services.AddSingleton<BatchMembers>();
        services.AddSingleton<ILeaderDuty, BatchKeeper>();
        services.AddSingleton<ITaskBatches, BatchClient>();
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
