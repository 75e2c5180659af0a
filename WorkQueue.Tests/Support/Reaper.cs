using System.Diagnostics;

namespace WorkQueue.Tests.Support;

/// <summary>
/// Runs a command at the end of the tests, even where they are killed or a test that ran out of time still holds on to something: a shell that waits for
/// its input to end, which it does with this process.
/// </summary>
internal sealed class Reaper(params string[] command) : IAsyncDisposable
{
    private const string Script = "trap '' INT TERM HUP; exec >/dev/null 2>&1; cat; \"$@\"";

    private readonly Process _shell = Process.Start(new ProcessStartInfo("sh", ["-c", Script, "sh", .. command]) { RedirectStandardInput = true })!;

    /// <summary>Runs the command now.</summary>
    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }
}
