using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Supervision;

/// <summary>Docker or podman, by its command line. A container runs as the child process `docker run`, which forwards output and signals.</summary>
internal sealed class ContainerEngine(string command, string runId)
{
    public const string RunLabel = "workqueue.standin.run";
    private const string OwnerLabel = "workqueue.standin.owner";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public string Command => command;

    /// <summary>The first engine whose daemon answers, docker before podman.</summary>
    public static async Task<ContainerEngine> FindAsync(IConfiguration configuration, string runId, CancellationToken cancellationToken)
    {
        string[] candidates = configuration["ASPIRE_CONTAINER_RUNTIME"] is { Length: > 0 } forced ? [forced] : ["docker", "podman"];
        foreach (string candidate in candidates.Where(ChildProcesses.IsOnPath))
        {
            if (await RunAsync(candidate, ["ps", "-q"], cancellationToken).ConfigureAwait(false) is not null)
                return new(candidate, runId);
        }

        throw new DistributedApplicationException($"No container engine answers ({string.Join(" or ", candidates)}). Install one and start its daemon, or run without containers.");
    }

    /// <summary>Removes the containers of supervisors that are gone.</summary>
    public async Task RemoveStaleAsync(CancellationToken cancellationToken)
    {
        // Where there is no /proc nobody can tell who is gone.
        string list = !OperatingSystem.IsLinux() ? "" : await RunAsync(Command, ["ps", "-a", "--filter", $"label={OwnerLabel}", "--format", "{{.ID}} {{.Labels}}"], cancellationToken).ConfigureAwait(false) ?? "";
        foreach (string line in list.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // Docker writes "label=value", podman "label:value".
            Match owner = Regex.Match(line, $@"{OwnerLabel}[=:](\d+)");
            if (!Path.Exists($"/proc/{owner.Groups[1].Value}"))
                await RemoveAsync(line.Split(' ')[0], cancellationToken).ConfigureAwait(false);
        }
    }

    public Task RemoveAsync(string container, CancellationToken cancellationToken) => RunAsync(Command, ["rm", "-f", "-v", container], cancellationToken);

    public CommandLine RunCommand(ContainerResource resource, string name, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        ContainerImageAnnotation image = resource.Image;
        Dictionary<string, string> own = LaunchPlan.OwnEnvironment();
        List<string> line = ["run", "--rm", "--name", name, "--label", $"{RunLabel}={runId}", "--label", string.Create(CultureInfo.InvariantCulture, $"{OwnerLabel}={Environment.ProcessId}")];
        foreach (EndpointAnnotation endpoint in resource.Annotations.OfType<EndpointAnnotation>())
            line.AddRange(["-p", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{endpoint.Port}:{endpoint.TargetPort}")]);

        foreach (VolumeAnnotation volume in resource.Annotations.OfType<VolumeAnnotation>())
            line.AddRange(["--mount", $"type=volume{(volume.Source is null ? "" : $",source={volume.Source}")},target={volume.Target}{(volume.IsReadOnly ? ",readonly" : "")}"]);

        foreach ((string variable, string value) in environment)
        {
            // By name only, so that passwords do not show in the list of processes; unless the name means something to the engine's own command.
            line.AddRange(["-e", own.TryAdd(variable, value) ? variable : $"{variable}={value}"]);
        }

        string registry = image.Registry is { Length: > 0 } host ? $"{host}/" : "";
        return new(Command, [.. line, $"{registry}{image.Image}:{image.Tag ?? "latest"}", .. arguments], AppContext.BaseDirectory, own);
    }

    private static async Task<string?> RunAsync(string command, string[] arguments, CancellationToken cancellationToken)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            string output = await process.StandardOutput.ReadToEndAsync(limit.Token).ConfigureAwait(false);
            await errors.ConfigureAwait(false);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return process.ExitCode == 0 ? output : null;
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }
}
