using System.ComponentModel;
using System.Diagnostics;

namespace WorkQueue.AppHost;

/// <summary>Runs a command for its answer, for a limited time.</summary>
internal static class Command
{
    private const int NotRun = -1;

    /// <summary>The exit code and what was written to standard output; -1 where the command is not there or the time is up.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string command, IEnumerable<string> arguments, TimeSpan limit)
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
                return (process.ExitCode, output);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                return (NotRun, "");
            }
        }
        catch (Win32Exception)
        {
            return (NotRun, "");
        }
    }
}
