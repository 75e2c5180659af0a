using System.Globalization;
using Microsoft.Extensions.Configuration;
using WorkQueue.Messaging;

namespace WorkQueue.AppHost;

/// <summary>What producer and workers are told: the WorkQueue section, the environment's name, where the broker's management API is.</summary>
internal static class ServiceSettings
{
    private const string Section = WorkQueueOptions.Section;

    // Only the producer has an API to protect; a secret goes nowhere else.
    private const string ApiKeys = $"{Section}:ApiKeys";

    private const string DashboardUrl = $"{Section}:Board:DashboardUrl";

    /// <summary>Tells the producer its keys, and where the dashboard is, to whose page of a trace the board links.</summary>
    public static IResourceBuilder<ProjectResource> WithProducerSettings(this IResourceBuilder<ProjectResource> producer, IResourceBuilder<ParameterResource> apiKey)
    {
        ConfigurationManager configuration = producer.ApplicationBuilder.Configuration;
        if (OwnKey(configuration) is null)
        {
            producer.WithEnvironment(Variable($"{ApiKeys}:0"), apiKey);
        }

        // The AppHost listens nowhere: the address of its launch profile is the dashboard's.
        return configuration[DashboardUrl] is null && configuration["ASPNETCORE_URLS"]?.Split(';', 2)[0] is { Length: > 0 } dashboard
            ? producer.Forward(IsApiKey).WithEnvironment(Variable(DashboardUrl), dashboard)
            : producer.Forward(IsApiKey);
    }

    /// <summary>The key that commands of the dashboard send.</summary>
    public static async ValueTask<string?> KeyAsync(IConfiguration configuration, ParameterResource apiKey, CancellationToken cancellationToken) =>
        OwnKey(configuration) ?? await apiKey.GetValueAsync(cancellationToken);

    public static IResourceBuilder<ProjectResource> WithSettings(this IResourceBuilder<ProjectResource> project, AppHostOptions options, Broker broker)
    {
        IDistributedApplicationBuilder builder = project.ApplicationBuilder;
        project.Forward(key => !IsApiKey(key))
            .WithEnvironment(Variable($"{Section}:Output"), Folder(builder, "Output", "output"))
            .WithEnvironment(Variable($"{Section}:Images:Source"), Folder(builder, "Images:Source", "input"));
        if (broker.Management is { } management)
        {
            project.WithEnvironment(Variable($"{Section}:ManagementUrl"), management);
        }

        // Asked each time it starts: a command may change it.
        return project
            .WithEnvironment(context =>
            {
                if (options.WorkerConcurrency is { } slots)
                {
                    context.EnvironmentVariables[Variable($"{Section}:Worker:Concurrency")] = slots.ToString(CultureInfo.InvariantCulture);
                }
            })
            // A project without launch settings would otherwise run as Production.
            .WithEnvironment("DOTNET_ENVIRONMENT", builder.Environment.EnvironmentName)
            .WithEnvironment("ASPNETCORE_ENVIRONMENT", builder.Environment.EnvironmentName)
            // The http profile needs none; without this Aspire asks for a developer certificate.
            .WithoutHttpsCertificate();
    }

    private static IResourceBuilder<ProjectResource> Forward(this IResourceBuilder<ProjectResource> project, Func<string, bool> concerns)
    {
        foreach ((string key, string? value) in project.ApplicationBuilder.Configuration.GetSection(Section).AsEnumerable())
        {
            if (value is not null && concerns(key))
            {
                project.WithEnvironment(Variable(key), value);
            }
        }

        return project;
    }

    // A text, or the key of a section that may everything.
    private static string? OwnKey(IConfiguration configuration) =>
        configuration.GetSection(ApiKeys).GetChildren().Select(key => key.Value ?? (key["Scope"] is null ? key["Key"] : null)).FirstOrDefault(key => key is not null);

    private static bool IsApiKey(string key) => key.StartsWith(ApiKeys, StringComparison.OrdinalIgnoreCase);

    // Relative to the repository, wherever each project's content root is.
    private static string Folder(IDistributedApplicationBuilder builder, string key, string name) =>
        Path.GetFullPath(builder.Configuration[$"{Section}:{key}"] ?? Path.Combine(".workqueue", name), Path.GetFullPath("..", builder.AppHostDirectory));

    private static string Variable(string key) => key.Replace(":", "__", StringComparison.Ordinal);
}
