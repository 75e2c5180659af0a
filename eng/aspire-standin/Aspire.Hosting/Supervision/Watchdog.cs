using System.Diagnostics;

namespace Aspire.Hosting.Supervision;

/// <summary>
/// A shell in a session of its own that outlives the supervisor for a moment. When the supervisor is gone, however it ended,
/// the shell's input closes; it then kills every process that carries this run's mark (also grandchildren that left their
/// session, such as daemons) and removes this run's containers.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const string Script = """
        exec >/dev/null 2>&1
        engine=
        while read -r line; do engine=$line; done
        for round in 1 2; do
          for file in $(grep -las -- "$1" /proc/[0-9]*/environ); do
            pid=${file#/proc/}
            kill -KILL "${pid%/environ}"
          done
          [ "$engine" = finished ] && exit
          [ -n "$engine" ] && "$engine" ps -aq --filter "label=$2" | xargs -r "$engine" rm -f -v
          sleep 1
        done
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private Process? _shell;
    private bool _finished;

    public void Start(string runId)
    {
        if (!OperatingSystem.IsLinux() || !ChildProcesses.IsOnPath("setsid"))
            return;

        ProcessStartInfo start = new("setsid", ["sh", "-c", Script, "watchdog", $"{ChildProcesses.RunVariable}={runId}", $"{ContainerEngine.RunLabel}={runId}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        _shell = Process.Start(start);
    }

    /// <summary>The last line before the end is the container engine to clean up with.</summary>
    public void Tell(string line)
    {
        try
        {
            _shell?.StandardInput.WriteLine(line);
            _shell?.StandardInput.Flush();
        }
        catch (IOException)
        {
            // Someone ended the shell; then only the parent-death signal is left.
        }
    }

    /// <summary>Ends stragglers after an orderly stop, when the containers are gone already.</summary>
    public async Task FinishAsync()
    {
        if (_shell is null || _finished)
            return;

        _finished = true;
        Tell("finished");
        _shell.StandardInput.Close();
        using CancellationTokenSource limit = new(Limit, TimeProvider.System);
        try
        {
            await _shell.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It works on without us.
        }
    }

    /// <summary>Closes the shell's input, if an orderly end did not come to that.</summary>
    public void Dispose() => _shell?.Dispose();
}
