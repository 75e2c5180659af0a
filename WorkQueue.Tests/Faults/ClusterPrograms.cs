using System.Diagnostics;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The programs of a cluster's nodes: those that are installed, or those of an image, in a container each that has this machine's network and temporary files.</summary>
internal sealed class ClusterPrograms
{
    private static readonly string? Image = TestEnvironment.BrokerImage;

    private readonly string _folder;

    private ClusterPrograms(string folder) => _folder = folder;

    /// <summary>Finds them.</summary>
    public static async Task<ClusterPrograms> FindAsync()
    {
        if (Image is not null)
        {
            return new ClusterPrograms("");
        }

        // The programs themselves, not the wrappers in the path: those change to the system's user and folders.
        string server = await ReadAsync(new ProcessStartInfo("sh", [Path.Combine(AppContext.BaseDirectory, "local-broker.sh"), "--check"]));
        return new ClusterPrograms(Path.GetDirectoryName(server.Trim())!);
    }

    /// <summary>
    /// Runs one that ends when this process does, however that ends: the shell between them waits for its input to close, and takes
    /// the program along.
    /// </summary>
    /// <param name="name">What it is called where it is a container.</param>
    /// <param name="folder">Where its output goes.</param>
    /// <param name="environment">Its settings.</param>
    /// <param name="command">The program and its arguments.</param>
    public Process Run(string name, string folder, IReadOnlyDictionary<string, string> environment, params string[] command)
    {
        const string Keeper = "setpriv --pdeathsig KILL \"$@\" </dev/null >>output 2>&1 & read -r end";
        const string ContainerKeeper = "name=$1; shift; \"$@\" </dev/null >>output 2>&1 & read -r end; docker rm --force --volumes \"$name\" >/dev/null 2>&1";
        ProcessStartInfo program = Of(name, environment, command);
        ProcessStartInfo start = new("sh", ["-c", Image is null ? Keeper : ContainerKeeper, "keeper", .. Image is null ? (string[])[] : [name], program.FileName, .. program.ArgumentList])
        {
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        Set(start, environment);
        return Process.Start(start)!;
    }

    /// <summary>Kills it (SIGKILL), as a power cut would.</summary>
    public static async Task KillAsync(string name, Process process)
    {
        if (Image is not null)
        {
            await ReadAsync(new ProcessStartInfo("docker", ["rm", "--force", "--volumes", name]));
        }

        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>What one says.</summary>
    public Task<string> ReadAsync(IReadOnlyDictionary<string, string> environment, params string[] command)
    {
        ProcessStartInfo start = Of($"workqueue-{Guid.NewGuid():N}", environment, command);
        Set(start, environment);
        return ReadAsync(start);
    }

    // Those of a container are among its arguments.
    private static void Set(ProcessStartInfo start, IReadOnlyDictionary<string, string> environment)
    {
        foreach ((string key, string value) in Image is null ? environment : new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }
    }

    private ProcessStartInfo Of(string name, IReadOnlyDictionary<string, string> environment, string[] command)
    {
        // Of the package's own folder too, where the wrapper that changes the user is not.
        const string Inside = "PATH=/usr/lib/rabbitmq/bin:$PATH; exec \"$@\"";
        return Image is null
            ? new ProcessStartInfo(command[0].StartsWith("rabbitmq", StringComparison.Ordinal) ? Path.Combine(_folder, command[0]) : command[0], command[1..])
            : new ProcessStartInfo("docker",
            [
                "run", "--rm", "--name", name, "--network", "host", "--volume", $"{Path.GetTempPath()}:{Path.GetTempPath()}",
                .. environment.SelectMany(setting => (string[])["--env", $"{setting.Key}={setting.Value}"]), "--entrypoint", "sh", Image, "-c", Inside, "sh", .. command,
            ]);
    }

    private static async Task<string> ReadAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
