using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkQueue.Board;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Hosting;
using WorkQueue.Worker.Handlers;

namespace WorkQueue.Tests.Deploy;

/// <summary>Holds what a deployment gives the programs against what they read.</summary>
internal static class ProgramSettings
{
    /// <summary>A worker would start with them, and knows each of them.</summary>
    public static WorkQueueOptions AssertWorker(IReadOnlyDictionary<string, string> variables)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        Add(builder.Configuration, variables);
        builder.AddOutputFolder();
        builder.AddImageResizing();
        builder.AddWebhookClient();
        builder.AddTaskWorker();
        using IHost host = builder.Build();
        return Check(host.Services, builder.Configuration);
    }

    /// <summary>A producer would start with them, and knows each of them.</summary>
    public static WorkQueueOptions AssertProducer(IReadOnlyDictionary<string, string> variables)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = Environments.Production });
        builder.Configuration.Sources.Clear();
        Add(builder.Configuration, variables);
        builder.AddTaskQueue();
        builder.AddTaskBoard();
        using WebApplication app = builder.Build();
        foreach (string key in builder.Configuration.GetSection("WorkQueue:Board").GetChildren().Select(child => child.Key))
        {
            Assert.Contains(key, typeof(TaskBoardOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => property.Name));
        }

        return Check(app.Services, builder.Configuration);
    }

    private static void Add(IConfigurationBuilder configuration, IReadOnlyDictionary<string, string> variables) =>
        configuration.AddInMemoryCollection(variables.Select(variable => KeyValuePair.Create(variable.Key.Replace("__", ":", StringComparison.Ordinal), (string?)variable.Value)));

    private static WorkQueueOptions Check(IServiceProvider services, IConfiguration configuration)
    {
        services.GetRequiredService<IStartupValidator>().Validate();
        Assert.Empty(SettingsReader.UnknownIn(configuration));
        return services.GetRequiredService<IOptions<WorkQueueOptions>>().Value;
    }
}
