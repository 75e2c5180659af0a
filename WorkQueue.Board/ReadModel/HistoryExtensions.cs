using System.Text.Json;
using WorkQueue.Board.Broker;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Adds the projection of the history and what is made of it.</summary>
internal static class HistoryExtensions
{
    public static void AddTaskProjection(this IServiceCollection services)
    {
        services.AddOptions<TaskBoardOptions>().BindConfiguration(TaskBoardOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<HistorySettings>();
        services.AddSingleton(StoreFile.Open);
        services.AddSingleton<TaskEvents>();
        services.AddSingleton<TaskWaiters>();
        services.AddSingleton<TaskFinder>();
        services.AddSingleton<TaskLookup>();
        services.AddSingleton<TaskReader>();
        services.AddSingleton<ResultFiles>();
        services.AddSingleton<LetterList>();
        services.AddSingleton<TaskActions>();
        services.AddSingleton<KeyedTasks>();
        services.AddSingleton<TaskEnding>();
        services.AddSingleton<EventFeed>();
        services.AddHttpClient<ManagementClient>("WorkQueue.Management", client => client.Timeout = TimeSpan.FromSeconds(2)).RemoveAllLoggers();
        services.AddSingleton<PolicyWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<PolicyWatch>());
        services.AddHealthChecks().AddCheck<PolicyWatch>("workqueue-policies");
        services.AddSingleton<BrokerFigures>();
        services.AddSingleton<BrokerCheck>();
        services.AddHostedService<HistoryFollower>();
        services.AddHostedService<HistoryTrimmer>();
        services.AddHostedService(provider => provider.GetRequiredService<BrokerCheck>());
    }

    /// <summary>Shows what users publish to those who watch, as it comes.</summary>
    public static void AddEmittedEvents(this IServiceCollection services) => services.AddEventHandler<JsonElement>("#", (payload, context) =>
    {
        TaskEvents events = context.Services.GetRequiredService<TaskEvents>();
        events.Publish(TaskEvent.Of(new EmittedEvent(context.Topic, context.PublishedAt, context.Id, payload)));
        if (context.MayHaveMissed)
        {
            // As those that did not keep up themselves: who comes again is told what is true then.
            events.EndAll();
        }

        return Task.CompletedTask;
    });
}
