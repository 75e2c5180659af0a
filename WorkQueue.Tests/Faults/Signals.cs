using System.Diagnostics;
using System.Globalization;

namespace WorkQueue.Tests.Faults;

/// <summary>Signals of the operating system.</summary>
internal static class Signals
{
    public static async Task SendAsync(string signal, int process)
    {
        using Process kill = Process.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{signal} {process}")]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }
}
