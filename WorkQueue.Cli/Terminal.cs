using System.Text;
using Microsoft.Win32.SafeHandles;

namespace WorkQueue.Cli;

/// <summary>What the tool has around it; tests put streams of their own in its place.</summary>
/// <param name="In">Where <c>--file -</c> and a confirmation are read from.</param>
/// <param name="Out">Results, and nothing else.</param>
/// <param name="Error">Errors and notes.</param>
internal sealed record Terminal(Stream In, TextWriter Out, TextWriter Error)
{
    /// <summary>A person looks at the output: colours, a progress bar.</summary>
    public bool IsInteractive { get; init; }

    /// <summary>A person can be asked.</summary>
    public bool CanAsk { get; init; }

    /// <summary>The environment variables.</summary>
    public Func<string, string?> Variable { get; init; } = _ => null;

    /// <summary>The time, for waits and ages.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public static Terminal OfProcess()
    {
        if (OperatingSystem.IsWindows())
        {
            Console.OutputEncoding = Encoding.UTF8;
        }

        return new Terminal(Console.OpenStandardInput(), OpenOutput(), Console.Error)
        {
            IsInteractive = !Console.IsOutputRedirected,
            CanAsk = !Console.IsInputRedirected && !Console.IsOutputRedirected,
            Variable = Environment.GetEnvironmentVariable,
        };
    }

    /// <summary>Whether the reader of the output has gone, as in <c>wq watch '#' | head</c>.</summary>
    public static bool IsBrokenPipe(Exception error) => error is IOException { HResult: 32 };

    // Console.Out swallows the error of a closed pipe, and the tool would go on for nobody. A file has no such error, and is not for a
    // FileStream: that writes by its own position, over what others write to the same output.
    private static TextWriter OpenOutput()
    {
        if (!Console.IsOutputRedirected || OperatingSystem.IsWindows())
        {
            return Console.Out;
        }

        FileStream output = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return output.CanSeek ? Console.Out : new StreamWriter(output) { AutoFlush = true };
    }
}
