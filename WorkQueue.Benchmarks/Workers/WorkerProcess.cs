using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace WorkQueue.Benchmarks.Workers;

/// <summary>This program once more, as a worker.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly Task _reading;
    private bool _mayEnd;

    public WorkerProcess(ChannelWriter<WorkerLine> lines, IEnumerable<string> arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, typeof(WorkerProcess).Assembly.GetName().Name + (OperatingSystem.IsWindows() ? ".exe" : ""));
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        StartedAt = Stopwatch.GetTimestamp();
        _process = Process.Start(start)!;
        _reading = ReadAsync(lines);
    }

    public long StartedAt { get; }

    /// <summary>The memory that it holds, in bytes.</summary>
    public long WorkingSet
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Kills it, as <c>kill -9</c> does.</summary>
    /// <returns>When.</returns>
    public long Kill()
    {
        _mayEnd = true;
        long at = Stopwatch.GetTimestamp();
        _process.Kill();
        return at;
    }

    public async ValueTask DisposeAsync()
    {
        _mayEnd = true;
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(StopLimit, TimeProvider.System));
            _process.Kill();
        }

        await _reading;
        _process.Dispose();
    }

    private async Task ReadAsync(ChannelWriter<WorkerLine> lines)
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ');
            lines.TryWrite(new WorkerLine(this, words[0], [.. words.Skip(1).Select(word => long.Parse(word, CultureInfo.InvariantCulture))]));
        }

        if (!_mayEnd)
        {
            lines.TryComplete(new InvalidOperationException("A worker process has ended by itself."));
        }
    }
}
