using System.Diagnostics;
using System.Globalization;
using WorkQueue.Benchmarks.Servers;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>A peer that is a program in Python, run by an interpreter that has its module.</summary>
/// <param name="module">The module, for example <c>pika</c>, or several with commas.</param>
/// <param name="script">The program, in <c>peers</c>.</param>
internal sealed class PythonProgram(string module, string script)
{
    // Debian's own first: its packages are for that one.
    private static readonly string[] Candidates = ["/usr/bin/python3", "python3"];

    // The script says it so: libraries print lines of their own.
    private const string RateLine = "rate ";

    private readonly Lazy<string?> _python = new(() => Candidates.FirstOrDefault(python => Has(python, module)));

    /// <summary>Why it cannot be run here, or null.</summary>
    public string? Missing => _python.Value is null ? $"no python3 with {module} ({LocalServer.Installs})" : null;

    /// <summary>Runs it, and returns the rate it prints.</summary>
    public async Task<double> RateAsync(params IEnumerable<string> arguments) => (await FiguresAsync(arguments)).Single();

    /// <summary>Runs it, and returns all figures that it prints in place of a rate.</summary>
    public async Task<double[]> FiguresAsync(params IEnumerable<string> arguments)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "peers", script);
        // It reads its input to the end, and ends with this program so.
        using Process process = Process.Start(new ProcessStartInfo(_python.Value!, [path, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        string? rate = output.Split('\n').FirstOrDefault(line => line.StartsWith(RateLine, StringComparison.Ordinal));
        return process.ExitCode == 0 && rate is not null
            ? [.. rate[RateLine.Length..].Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))]
            : throw new InvalidOperationException($"{script} ended with {process.ExitCode}: {await errors}");
    }

    public static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool Has(string python, string module)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(python, ["-c", $"import {module}"]) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
