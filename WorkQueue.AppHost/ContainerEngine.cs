using Microsoft.Extensions.Configuration;

namespace WorkQueue.AppHost;

/// <summary>The container engine that Aspire will use, if one answers.</summary>
internal sealed class ContainerEngine
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PullLimit = TimeSpan.FromMinutes(5);

    private ContainerEngine(string name) => Name = name;

    public string Name { get; }

    /// <summary>Docker before Podman, unless ASPIRE_CONTAINER_RUNTIME names the one; where none answers, why not.</summary>
    public static async Task<(ContainerEngine? Engine, string WhyNot)> FindAsync(IConfiguration configuration)
    {
        string? forced = configuration["ASPIRE_CONTAINER_RUNTIME"] ?? configuration["DOTNET_ASPIRE_CONTAINER_RUNTIME"];
        string[] names = string.IsNullOrWhiteSpace(forced) ? ["docker", "podman"] : [forced];
        foreach (string name in names)
        {
            // Podman has no daemon: any answer is good. Docker's client answers for itself where its daemon does not, but without a version of the server.
            string version = name == "docker" ? "{{.ServerVersion}}" : "{{.Version.Version}}";
            (int exitCode, string output) = await Command.RunAsync(name, ["info", "--format", version], AnswerLimit);
            if (exitCode == 0 && output.Trim().Length > 0)
            {
                return (new ContainerEngine(name), "");
            }
        }

        return (null, $"no container engine answers ({string.Join(" and ", names)} asked)");
    }

    public async Task<bool> HasOrPullsAsync(string image)
    {
        (int exitCode, _) = await Command.RunAsync(Name, ["image", "inspect", image], AnswerLimit);
        if (exitCode == 0)
        {
            return true;
        }

        Console.WriteLine($"Pulling {image} …");
        (exitCode, _) = await Command.RunAsync(Name, ["pull", "--quiet", image], PullLimit);
        return exitCode == 0;
    }
}
