using System.Diagnostics;
using System.Globalization;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Programs in Python: pika as in the tutorials, one thread that waits for each confirm and runs one task at a time.</summary>
internal static class PythonPeers
{
    // Debian's own first: its packages are for that one.
    private static readonly string[] Candidates = ["/usr/bin/python3", "python3"];
    private static readonly Lazy<string?> Python = new(() => Candidates.FirstOrDefault(HasPika));

    private static string? MissingPika => Python.Value is null ? "no python3 with pika (on Debian: apt-get install python3-pika)" : null;

    public static IEnumerable<Contender> Enqueue(Stage stage, int callers, int bytes, TimeSpan time)
    {
        yield return new Contender("pika, one caller", async () => [await RunAsync(stage, "publish", bytes, time.TotalSeconds.ToString(CultureInfo.InvariantCulture))])
        {
            Against = "raw client",
            Missing = MissingPika ?? (callers == 64 ? null : "measured with 64 callers of the others"),
        };
    }

    public static IEnumerable<Contender> Consume(Stage stage, int slots, int count)
    {
        yield return new Contender("pika", async () => [await RunAsync(stage, "consume", 100, count.ToString(CultureInfo.InvariantCulture))])
        {
            Against = "raw client",
            Missing = MissingPika ?? (slots == 1 ? null : "one consumer a process"),
        };
    }

    private static async Task<double> RunAsync(Stage stage, string verb, int bytes, string amount)
    {
        string script = Path.Combine(AppContext.BaseDirectory, "peers", "pika_peer.py");
        using Process process = Process.Start(new ProcessStartInfo(
            Python.Value!, [script, stage.ConnectionString + "/%2F", verb, "pika", bytes.ToString(CultureInfo.InvariantCulture), amount])
        { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? double.Parse(output, CultureInfo.InvariantCulture) : throw new InvalidOperationException($"{script} {verb} ended with {process.ExitCode}.");
    }

    private static bool HasPika(string python)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(python, ["-c", "import pika"]) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
