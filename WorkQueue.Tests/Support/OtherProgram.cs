using System.Collections.Concurrent;
using System.Diagnostics;

namespace WorkQueue.Tests.Support;

/// <summary>A program beside the tests, and what it prints; it ends with the test.</summary>
internal sealed class OtherProgram : IAsyncDisposable
{
    private readonly Process _process;

    private OtherProgram(Process process) => _process = process;

    /// <summary>Everything it printed, a line each.</summary>
    public ConcurrentQueue<string> Output { get; } = new();

    /// <summary>What it complained about.</summary>
    public ConcurrentQueue<string> Errors { get; } = new();

    public static OtherProgram Start(string program, IEnumerable<string> arguments, params (string Key, string Value)[] environment)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = AppContext.BaseDirectory, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string key, string value) in environment)
        {
            start.Environment[key] = value;
        }

        OtherProgram other = new(Process.Start(start)!);
        other._process.OutputDataReceived += (_, line) => Keep(other.Output, line.Data);
        other._process.ErrorDataReceived += (_, line) => Keep(other.Errors, line.Data);
        other._process.BeginOutputReadLine();
        other._process.BeginErrorReadLine();
        return other;
    }

    /// <summary>Runs it to its end, which has to be a good one.</summary>
    /// <returns>What it printed.</returns>
    public static Task<string[]> RunAsync(string program, IEnumerable<string> arguments, params (string Key, string Value)[] environment) =>
        RunAsync(2 * TestEnvironment.Patience, program, arguments, environment);

    /// <inheritdoc cref="RunAsync(string, IEnumerable{string}, ValueTuple{string, string}[])"/>
    public static async Task<string[]> RunAsync(TimeSpan limit, string program, IEnumerable<string> arguments, params (string Key, string Value)[] environment)
    {
        await using OtherProgram other = Start(program, arguments, environment);
        await other._process.WaitForExitAsync().WaitAsync(limit);
        Assert.True(other._process.ExitCode == 0, $"{program} ended with {other._process.ExitCode}:\n{string.Join('\n', other.Errors.Concat(other.Output))}");
        return [.. other.Output];
    }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync(TimeSpan limit)
    {
        await _process.WaitForExitAsync().WaitAsync(limit);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static void Keep(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
        {
            lines.Enqueue(line);
        }
    }
}
