using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Calls;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Testing.Clocks;
using WorkQueue.Testing.InMemory;
using WorkQueue.Testing.Running;

namespace WorkQueue.Testing.Hosting;

/// <summary>Puts the library together as a host does, with a broker in memory.</summary>
internal static class TestServices
{
    /// <summary>Builds the services and checks the settings.</summary>
    /// <exception cref="OptionsValidationException">A setting is wrong.</exception>
    public static ServiceProvider Build(ITaskQueue queue, Action<IServiceCollection>? configure, Action<WorkQueueOptions>? settings)
    {
        ServiceCollection services = new();
        services.AddLogging();
        services.AddTaskQueue(options => options.Retry.Jitter = 0);
        services.AddTaskWorker();
        // They ask a broker; a test that needs one registers its own.
        services.RemoveAll<ITaskControl>().RemoveAll<ITaskHistory>().RemoveAll<IWorkerDirectory>();
        // Otherwise many are enqueued at once, and so in any order.
        services.PostConfigure<WorkQueueOptions>(options => options.PublishWindow = 1);
        configure?.Invoke(services);
        services.PostConfigure(settings ?? (_ => { }));
        // Of all that happens to a task its state is read.
        services.PostConfigure<WorkQueueOptions>(options => (options.History, options.HistoryPayloads) = (HistoryMode.All, true));
        services.TryAddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        AddInMemory(services, queue);
        ServiceProvider provider = services.BuildServiceProvider(validateScopes: true);
        _ = provider.GetRequiredService<IOptions<WorkQueueOptions>>().Value;
        return provider;
    }

    private static void AddInMemory(ServiceCollection services, ITaskQueue queue)
    {
        services.AddSingleton<CurrentRun>();
        services.AddSingleton<TestClock>();
        services.AddSingleton<TimeProvider>(provider => provider.GetRequiredService<TestClock>());
        services.AddSingleton<TaskRecords>();
        services.AddSingleton<MemoryReplies>();
        services.AddSingleton<IReplies>(provider => provider.GetRequiredService<MemoryReplies>());
        services.AddSingleton<MemoryBroker>();
        services.AddSingleton<IPublisher>(provider => provider.GetRequiredService<MemoryBroker>());
        services.AddSingleton<IQueueGuard>(provider => provider.GetRequiredService<MemoryBroker>());
        services.AddSingleton<MemoryControl>();
        services.AddSingleton<ICancelledTasks>(provider => provider.GetRequiredService<MemoryControl>());
        services.AddSingleton<IQueueCounts>(provider => provider.GetRequiredService<MemoryBroker>());
        services.AddSingleton<IDeadLetters, MemoryDeadLetters>();
        services.AddSingleton<MemoryLeader>();
        services.AddSingleton<ILeaderCommands>(provider => provider.GetRequiredService<MemoryLeader>());
        services.AddSingleton<TaskClient>();
        services.AddSingleton(queue);
        services.AddSingleton<TaskRunner>();
        services.AddSingleton<QueueDriver>();
    }
}
