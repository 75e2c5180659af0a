using System.ComponentModel;
using System.Diagnostics;
using Microsoft.Extensions.Configuration;

namespace WorkQueue.AppHost;

/// <summary>The container engine that Aspire will use, if one answers.</summary>
/// <param name="Name">Its command.</param>
internal sealed record ContainerEngine(string Name)
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PullLimit = TimeSpan.FromMinutes(5);

    /// <summary>Docker before Podman, unless ASPIRE_CONTAINER_RUNTIME names the one; where none answers, why not.</summary>
    public static async Task<(ContainerEngine? Engine, string WhyNot)> FindAsync(IConfiguration configuration)
    {
        string[] names = configuration["ASPIRE_CONTAINER_RUNTIME"] is { Length: > 0 } forced ? [forced] : ["docker", "podman"];
        foreach (string name in names)
        {
            if (await new ContainerEngine(name).AnswersAsync())
            {
                return (new ContainerEngine(name), "");
            }
        }

        return (null, $"no container engine answers ({string.Join(" and ", names)} asked)");
    }

    // Podman has no daemon: any answer is good. Docker's client answers for itself where its daemon does not, but without a version of the server.
    public async Task<bool> AnswersAsync() =>
        await AskAsync(Name, ["info", "--format", Name == "docker" ? "{{.ServerVersion}}" : "{{.Version.Version}}"], AnswerLimit) is { Length: > 0 };

    public async Task<bool> HasOrPullsAsync(string image)
    {
        if (await AskAsync(Name, ["image", "inspect", image], AnswerLimit) is not null)
        {
            return true;
        }

        Console.WriteLine($"Pulling {image} …");
        return await AskAsync(Name, ["pull", "--quiet", image], PullLimit) is not null;
    }

    /// <summary>What a command printed; null where it is not there, fails, or does not end in time.</summary>
    public static async Task<string?> AskAsync(string command, IEnumerable<string> arguments, TimeSpan limit)
    {
        ProcessStartInfo start = new(command, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using CancellationTokenSource stop = new(limit, TimeProvider.System);
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            try
            {
                Task<string> errors = process.StandardError.ReadToEndAsync(stop.Token);
                string output = await process.StandardOutput.ReadToEndAsync(stop.Token);
                await errors;
                await process.WaitForExitAsync(stop.Token);
                return process.ExitCode == 0 ? output.Trim() : null;
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                return null;
            }
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
