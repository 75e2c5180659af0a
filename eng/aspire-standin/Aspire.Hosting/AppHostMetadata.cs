using System.Reflection;

namespace Aspire.Hosting;

/// <summary>What build/Projects.targets wrote into the AppHost's assembly.</summary>
internal static class AppHostMetadata
{
    public static string? ProjectPath(Assembly? appHost) => Find(appHost, "apphostprojectpath");

    public static string? UserSecretsId(Assembly? appHost) => Find(appHost, "standin:usersecretsid");

    /// <summary>The built assembly of a referenced project.</summary>
    public static string? TargetOf(Assembly? appHost, string projectPath) => Find(appHost, $"standin:target:{projectPath}");

    private static string? Find(Assembly? appHost, string key) =>
        appHost?.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(metadata => metadata.Key == key)?.Value;
}
