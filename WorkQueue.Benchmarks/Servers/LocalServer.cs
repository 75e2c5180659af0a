using System.Diagnostics;
using System.Globalization;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>A server that a peer needs: an installed program on loopback, started when it is first asked for, in a folder that goes with it.</summary>
internal sealed class LocalServer : IAsyncDisposable
{
    private readonly Lazy<string?> _missing;
    private readonly Lazy<Task<int>> _port;
    private readonly Func<string, string, ProcessStartInfo> _start;
    private string? _folder;
    private Process? _process;

    private LocalServer(string name, ProcessStartInfo check, Func<string, string, ProcessStartInfo> start)
    {
        _missing = new Lazy<string?>(() => Answers(check) ? null : $"no {name} ({Installs})");
        _start = start;
        _port = new Lazy<Task<int>>(StartAsync);
    }

    /// <summary>How peers come to be there.</summary>
    public static string Installs => "eng/setup.sh benchmarks installs it on Debian and Ubuntu";

    /// <summary>Why there is none here, or null.</summary>
    public string? Missing => _missing.Value;

    /// <summary>PostgreSQL with its defaults: what is committed is on the disk.</summary>
    public static LocalServer Postgres()
    {
        string script = Path.Combine(AppContext.BaseDirectory, "peers", "local-postgres.sh");
        return new("postgresql", new("sh", [script, "--check"]), (folder, port) => new("sh", [script, folder, port]));
    }

    /// <summary>Redis without its files: what it has is in its memory.</summary>
    public static LocalServer Redis() => Redis("--save", "");

    /// <summary>Redis that answers when what it was told is on the disk.</summary>
    public static LocalServer DurableRedis() => Redis("--save", "", "--appendonly", "yes", "--appendfsync", "always");

    /// <summary>Its port, when it answers.</summary>
    public Task<int> PortAsync() => _port.Value;

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
        {
            return;
        }

        if (!_process.HasExited)
        {
            // What PostgreSQL shares with its processes stays behind when it is killed.
            using Process kill = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System));
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder!, recursive: true);
    }

    private static LocalServer Redis(params string[] settings) => new(
        "redis-server", new("redis-server", ["--version"]), (folder, port) => new("redis-server", ["--port", port, "--bind", "127.0.0.1", "--dir", folder, .. settings]));

    private async Task<int> StartAsync()
    {
        int port = Ports.Free();
        _folder = Directory.CreateTempSubdirectory("workqueue-benchmark-").FullName;
        _process = Process.Start(Quiet(_start(_folder, port.ToString(CultureInfo.InvariantCulture))))!;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Ports.OpenedAsync(port, _process);
        return port;
    }

    private static bool Answers(ProcessStartInfo check)
    {
        try
        {
            using Process process = Process.Start(Quiet(check))!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static ProcessStartInfo Quiet(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        return start;
    }
}
