using System.Diagnostics;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>A program that ends with this process, however that ends: the shell between them waits for its input to close, and takes it along.</summary>
internal static class KeptProgram
{
    private const string Keeper = "setpriv --pdeathsig KILL \"$@\" </dev/null >>output 2>&1 & read -r end";

    /// <summary>How it is started; what it says is in the file <c>output</c> of its folder.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="command">The program and its arguments.</param>
    public static ProcessStartInfo In(string folder, params IEnumerable<string> command) =>
        new("sh", ["-c", Keeper, "keeper", .. command]) { RedirectStandardInput = true, WorkingDirectory = folder };
}
