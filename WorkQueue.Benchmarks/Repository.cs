using System.Diagnostics;

namespace WorkQueue.Benchmarks;

/// <summary>The working copy that this program was built in: its report and its charts are there, and the script that installs its peers.</summary>
internal static class Repository
{
    private static readonly string Root = Find();

    /// <summary>A file or folder of it.</summary>
    /// <param name="relative">From its root, with slashes.</param>
    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    /// <summary>Installs brokers, databases and peers that are missing, where that is possible; peers that stay missing are left out of the tables, with the reason.</summary>
    /// <exception cref="InvalidOperationException">A broker can neither be found nor installed.</exception>
    public static async Task InstallAsync()
    {
        using Process setup = Process.Start(new ProcessStartInfo("bash", [Path("eng/setup.sh"), "benchmarks"]) { WorkingDirectory = Root })!;
        await setup.WaitForExitAsync();
        if (setup.ExitCode != 0)
        {
            throw new InvalidOperationException($"eng/setup.sh benchmarks ended with {setup.ExitCode}; what it said is above.");
        }
    }

    private static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "WorkQueue.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The benchmarks run in the working copy that they were built in: no folder above them has a WorkQueue.sln.");
    }
}
