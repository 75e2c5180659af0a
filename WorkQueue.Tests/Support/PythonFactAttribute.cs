using System.ComponentModel;
using System.Diagnostics;

namespace WorkQueue.Tests.Support;

/// <summary>A test against a real broker with programs of other languages: needs python3 with pika and aio-pika, and amqp-publish.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonFactAttribute : FactAttribute
{
    // Debian's packages are of its own Python, which need not be the first on the PATH.
    private static readonly string[] Candidates = ["/usr/bin/python3", "python3"];
    private static readonly Lazy<string?> Found = new(() => Candidates.FirstOrDefault(python => Runs(python, "-c", "import pika, aio_pika")));

    public PythonFactAttribute() => Skip = (TestEnvironment.ExternalBroker is null ? OwnedBroker.Missing : null)
        ?? (TestEnvironment.IsCi || (Found.Value is not null && Runs("amqp-publish", "--help"))
            ? null
            : "No Python with pika and aio-pika, or no amqp-publish (on Debian: apt-get install python3-pika python3-aio-pika amqp-tools).");

    /// <summary>The Python that has them.</summary>
    public static string Python => Found.Value ?? throw new InvalidOperationException("No python3 with pika and aio-pika: install python3-pika and python3-aio-pika.");

    private static bool Runs(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
