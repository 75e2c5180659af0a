using System.Diagnostics;
using System.Globalization;
using WorkQueue.Benchmarks.Servers;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>A peer that is a program in another language, run by an interpreter that has its module.</summary>
internal sealed class ScriptProgram
{
    // The script says it so: libraries print lines of their own.
    private const string RateLine = "rate ";

    private readonly Lazy<string?> _interpreter;
    private readonly string _script;
    private readonly string _what;

    private ScriptProgram(string what, string script, IEnumerable<string> candidates, params string[] check)
    {
        (_what, _script) = (what, script);
        _interpreter = new(() => candidates.FirstOrDefault(candidate => Has(candidate, check)));
    }

    /// <summary>Why it cannot be run here, or null.</summary>
    public string? Missing => _interpreter.Value is null ? $"no {_what} ({LocalServer.Installs})" : null;

    /// <summary>A program in Python.</summary>
    /// <param name="module">The module, for example <c>pika</c>, or several with commas.</param>
    /// <param name="script">The program, in <c>peers</c>.</param>
    public static ScriptProgram Python(string module, string script) =>
        // Debian's own first: its packages are for that one.
        new($"python3 with {module}", script, ["/usr/bin/python3", "python3"], "-c", $"import {module}");

    /// <summary>A program for Node.js.</summary>
    /// <param name="module">The module, for example <c>bullmq</c>.</param>
    /// <param name="script">The program, in <c>peers</c>.</param>
    public static ScriptProgram Node(string module, string script) => new($"node with {module}", script, ["node"], "-e", $"require('{module}')");

    /// <summary>Runs it, and returns the rate it prints.</summary>
    public async Task<double> RateAsync(params IEnumerable<string> arguments) => (await FiguresAsync(arguments)).Single();

    /// <summary>Runs it, and returns all figures that it prints in place of a rate.</summary>
    public async Task<double[]> FiguresAsync(params IEnumerable<string> arguments)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "peers", _script);
        // It reads its input to the end, and ends with this program so.
        using Process process = Process.Start(Of(_interpreter.Value!, [path, .. arguments]))!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        string? rate = output.Split('\n').FirstOrDefault(line => line.StartsWith(RateLine, StringComparison.Ordinal));
        return process.ExitCode == 0 && rate is not null
            ? [.. rate[RateLine.Length..].Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture))]
            : throw new InvalidOperationException($"{_script} ended with {process.ExitCode}: {await errors}");
    }

    public static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private static ProcessStartInfo Of(string interpreter, params IEnumerable<string> arguments) => new(interpreter, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        // Where eng/setup.sh puts the modules of Node.js.
        Environment = { ["NODE_PATH"] = Repository.Path(".workqueue/peers/node_modules") },
    };

    private static bool Has(string interpreter, string[] check)
    {
        try
        {
            using Process process = Process.Start(Of(interpreter, check))!;
            process.StandardInput.Close();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
