using System.Reflection;

namespace Aspire.Hosting;

/// <summary>What build/Projects.targets wrote into the AppHost's assembly.</summary>
internal static class AppHostMetadata
{
    public static string? ProjectPath(Assembly? appHost) => Find(appHost, "apphostprojectpath");

    public static string? UserSecretsId(Assembly? appHost) => Find(appHost, "standin:usersecretsid");

    /// <summary>The built assembly of a referenced project, or where the same build would have put it.</summary>
    public static string TargetOf(Assembly? appHost, string projectPath)
    {
        if (Find(appHost, $"standin:target:{projectPath}") is { } target)
            return target;

        string configuration = appHost?.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration ?? "Debug";
        return Path.Combine(
            Path.GetDirectoryName(projectPath)!, "bin", configuration, $"net{Environment.Version.Major}.{Environment.Version.Minor}", $"{Path.GetFileNameWithoutExtension(projectPath)}.dll");
    }

    private static string? Find(Assembly? appHost, string key) =>
        appHost?.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(metadata => metadata.Key == key)?.Value;
}
