using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Aspire.Hosting.Supervision;

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
            Signal(-_process.Id, SigKill);
            Signal(_process.Id, SigKill);
            await Exited.ConfigureAwait(false);
        }
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
    /// <summary>Set in every child process to a value unique to this run, so that stragglers can be found and ended.</summary>
    public const string RunVariable = "WORKQUEUE_STANDIN_RUN";

    private readonly BlockingCollection<Action> _work = [];
    private readonly bool _isolates;

    public ChildProcesses()
    {
        _isolates = OperatingSystem.IsLinux() && IsOnPath("setsid") && IsOnPath("setpriv");
        Thread starter = new(() =>
        {
            foreach (Action work in _work.GetConsumingEnumerable())
                work();
        })
        { IsBackground = true, Name = "child processes" };
        starter.Start();
    }

    public string RunId { get; } = RandomNumberGenerator.GetHexString(16, lowercase: true);

    public async Task<ChildProcess> StartAsync(CommandLine command, Action<string, bool> onLine)
    {
        bool found = command.Command.Contains('/', StringComparison.Ordinal) ? File.Exists(Path.Combine(command.WorkingDirectory, command.Command)) : IsOnPath(command.Command);
        if (!found)
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

        start.Environment[RunVariable] = RunId;
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

    public static bool IsOnPath(string command) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Any(folder => File.Exists(Path.Combine(folder, command)));
}
