using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace WorkQueue.AppHost;

/// <summary>What producer and workers are told: the WorkQueue section, the environment's name, where the broker's management API is.</summary>
internal static class ForwardedSettings
{
    private const string Section = "WorkQueue";

    // Only the producer has an API to protect; a secret goes nowhere else.
    private const string ApiKeys = $"{Section}:ApiKeys";

    private const string DashboardUrl = $"{Section}:Board:DashboardUrl";

    public static IResourceBuilder<ProjectResource> WithApiKeys(this IResourceBuilder<ProjectResource> project) =>
        Forward(project, key => IsApiKey(key));

    /// <summary>Tells the task board where the dashboard is, whose page of a trace it links to.</summary>
    public static IResourceBuilder<ProjectResource> WithDashboardLink(this IResourceBuilder<ProjectResource> project)
    {
        // The AppHost listens nowhere: the address of its launch profile is the dashboard's.
        string? own = project.ApplicationBuilder.Configuration["ASPNETCORE_URLS"]?.Split(';', 2)[0];
        return project.ApplicationBuilder.Configuration[DashboardUrl] is null && !string.IsNullOrEmpty(own)
            ? project.WithEnvironment(Variable(DashboardUrl), own)
            : project;
    }

    public static IResourceBuilder<ProjectResource> WithForwardedSettings(this IResourceBuilder<ProjectResource> project, AppHostSettings settings, Broker broker)
    {
        IDistributedApplicationBuilder builder = project.ApplicationBuilder;
        Forward(project, key => !IsApiKey(key));
        project.WithEnvironment(Variable($"{Section}:Output"), Output(builder));
        if (settings.WorkerConcurrency is { } concurrency)
        {
            project.WithEnvironment(Variable($"{Section}:Worker:Concurrency"), concurrency.ToString(CultureInfo.InvariantCulture));
        }

        if (broker.Management is { } management)
        {
            project.WithEnvironment(Variable($"{Section}:ManagementUrl"), management);
        }

        // A project without launch settings would otherwise run as Production.
        return project
            .WithEnvironment("DOTNET_ENVIRONMENT", builder.Environment.EnvironmentName)
            .WithEnvironment("ASPNETCORE_ENVIRONMENT", builder.Environment.EnvironmentName);
    }

    private static IResourceBuilder<ProjectResource> Forward(IResourceBuilder<ProjectResource> project, Func<string, bool> concerns)
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

    private static bool IsApiKey(string key) => key.StartsWith(ApiKeys, StringComparison.OrdinalIgnoreCase);

    private static string Output(IDistributedApplicationBuilder builder) =>
        Path.GetFullPath(builder.Configuration[$"{Section}:Output"] ?? Path.Combine(".workqueue", "output"), Repository.Folder(builder));

    private static string Variable(string key) => key.Replace(":", "__", StringComparison.Ordinal);
}
