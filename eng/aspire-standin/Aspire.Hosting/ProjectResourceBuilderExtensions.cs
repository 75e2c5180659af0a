using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Supervision;

namespace Aspire.Hosting;

public static class ProjectResourceBuilderExtensions
{
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name)
        where TProject : IProjectMetadata, new() =>
        AddProject(builder, name, new TProject(), LaunchProfiles.NameFor(builder.Configuration));

    /// <summary>A null profile name means: no launch profile.</summary>
    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name, string? launchProfileName)
        where TProject : IProjectMetadata, new() =>
        AddProject(builder, name, new TProject(), launchProfileName is null ? null : [launchProfileName]);

    public static IResourceBuilder<ProjectResource> AddProject(this IDistributedApplicationBuilder builder, string name, string projectPath) =>
        AddProject(builder, name, new ProjectFile(Path.GetFullPath(projectPath, builder.AppHostDirectory)), LaunchProfiles.NameFor(builder.Configuration));

    public static IResourceBuilder<ProjectResource> WithReplicas(this IResourceBuilder<ProjectResource> builder, int replicas)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(replicas);
        return builder.WithAnnotation(new ReplicaAnnotation(replicas), ResourceAnnotationMutationBehavior.Replace);
    }

    private static IResourceBuilder<ProjectResource> AddProject(IDistributedApplicationBuilder builder, string name, IProjectMetadata project, string[]? profileNames)
    {
        IResourceBuilder<ProjectResource> resource = builder.AddResource(new ProjectResource(name)).WithAnnotation(project);
        if (profileNames is not null && LaunchProfiles.Read(Path.GetDirectoryName(project.ProjectPath)!, profileNames) is { } profile)
        {
            foreach (Uri url in profile.ApplicationUrls)
                resource.WithEndpoint(port: url.Port, scheme: url.Scheme, name: url.Scheme);

            foreach ((string key, string value) in profile.EnvironmentVariables)
                resource.WithEnvironment(key, value);

            resource.WithEnvironment("DOTNET_LAUNCH_PROFILE", profile.Name);
        }

        return resource;
    }

    private sealed record ProjectFile(string ProjectPath) : IProjectMetadata;
}
