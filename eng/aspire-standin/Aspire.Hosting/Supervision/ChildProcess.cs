using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Aspire.Hosting.Supervision;

/// <summary>What to run, with the complete environment.</summary>
internal sealed record CommandLine(string Command, IReadOnlyList<string> Arguments, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>A process in a session of its own, with its output read line by line.</summary>
internal sealed partial class ChildProcess
{
    private const int SigKill = 9;
    private const int SigTerm = 15;
    private static readonly TimeSpan OutputGrace = TimeSpan.FromSeconds(1);

    private readonly Process _process;

    public ChildProcess(Process process, Action<string, bool> onLine)
    {
        _process = process;
        Task output = Task.WhenAll(ReadAsync(process.StandardOutput, line => onLine(line, false)), ReadAsync(process.StandardError, line => onLine(line, true)));
        Exited = WaitForExitAsync(output);
    }

    public int Id => _process.Id;

    /// <summary>Completes with the exit code after the last output.</summary>
    public Task<int> Exited { get; }

    /// <summary>Asks the process to end and kills its whole group when it has not done so within the limit.</summary>
    public async Task StopAsync(TimeSpan limit, CancellationToken hurry)
    {
        Signal(_process.Id, SigTerm);
        try
        {
            await Exited.WaitAsync(limit, hurry).ConfigureAwait(false);
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException)
        {
            Kill();
            await Exited.ConfigureAwait(false);
        }
    }

    public void Kill()
    {
        Signal(-_process.Id, SigKill);
        Signal(_process.Id, SigKill);
    }

    private async Task<int> WaitForExitAsync(Task output)
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // Whatever it left behind in its group must not outlive it, nor keep its output open.
        _ = Send(-_process.Id, SigKill);
        await Task.WhenAny(output, Task.Delay(OutputGrace, TimeProvider.System)).ConfigureAwait(false);
        return _process.ExitCode;
    }

    private static async Task ReadAsync(StreamReader reader, Action<string> onLine)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
            onLine(line);
    }

    private void Signal(int target, int signal)
    {
        // A finished process's id may belong to another one by now.
        if (!_process.HasExited)
            _ = Send(target, signal);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int processId, int signal);
}

/// <summary>
/// Starts children that die with this process. The parent-death signal fires when the thread that started the child ends,
/// so all of them are started from one thread that lives as long as the supervisor.
/// </summary>
internal sealed class ChildProcesses : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly bool _isolates;

    public ChildProcesses(string runId)
    {
        RunId = runId;
        _isolates = OperatingSystem.IsLinux() && FindOnPath("setsid") is not null && FindOnPath("setpriv") is not null;
        Thread starter = new(() =>
        {
            foreach (Action work in _work.GetConsumingEnumerable())
                work();
        })
        { IsBackground = true, Name = "child processes" };
        starter.Start();
    }

    public string RunId { get; }

    public async Task<ChildProcess> StartAsync(CommandLine command, Action<string, bool> onLine)
    {
        if (Resolve(command) is null)
            throw new DistributedApplicationException($"The command '{command.Command}' was not found.");

        string[] prefix = _isolates ? ["setsid", "setpriv", "--pdeathsig", "KILL", "--"] : [];
        string[] line = [.. prefix, command.Command, .. command.Arguments];
        ProcessStartInfo start = new(line[0], line[1..])
        {
            WorkingDirectory = command.WorkingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        start.Environment.Clear();
        foreach ((string name, string value) in command.Environment)
            start.Environment[name] = value;

        start.Environment[EnvironmentNames.Run] = RunId;
        TaskCompletionSource<Process> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception failure)
            {
                started.SetException(failure);
            }
        });
        Process process = await started.Task.ConfigureAwait(false);
        process.StandardInput.Close();
        return new(process, onLine);
    }

    /// <summary>Ends the starting thread, and with it whatever it started and is still alive.</summary>
    public void Dispose() => _work.CompleteAdding();

    public static string? FindOnPath(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, command)).FirstOrDefault(File.Exists);

    private static string? Resolve(CommandLine command)
    {
        if (!command.Command.Contains('/', StringComparison.Ordinal))
            return FindOnPath(command.Command);

        string path = Path.GetFullPath(command.Command, command.WorkingDirectory);
        return File.Exists(path) ? path : null;
    }
}
