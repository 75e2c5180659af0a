using System.Collections.Concurrent;
using System.Diagnostics;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The worker, or the producer, as a process of its own, which can be killed.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private WorkerProcess(Process process) => _process = process;

    /// <summary>Everything it wrote, a line each.</summary>
    public ConcurrentQueue<string> Output { get; } = new();

    public int ExitCode => _process.ExitCode;

    public int Id => _process.Id;

    public static WorkerProcess Start(string connectionString, string prefix, params (string Key, string Value)[] settings) =>
        StartProgram("WorkQueue.Worker.dll", connectionString, prefix, null, settings);

    /// <summary>Starts a producer that keeps nothing on the disk.</summary>
    /// <returns>The process, and where it answers.</returns>
    public static Task<(WorkerProcess Process, Uri Address)> StartProducerAsync(string connectionString, string prefix, params (string Key, string Value)[] settings) =>
        ListenAsync(StartProgram("WorkQueue.Producer.dll", connectionString, prefix, null, [("Board:Store", ":memory:"), .. settings]));

    /// <summary>Starts the sample with an outbox.</summary>
    /// <returns>The process, and where it answers.</returns>
    public static Task<(WorkerProcess Process, Uri Address)> StartOutboxAsync(string connectionString, string prefix, string database) =>
        ListenAsync(StartProgram("Outbox.dll", connectionString, prefix, database));

    private static async Task<(WorkerProcess Process, Uri Address)> ListenAsync(WorkerProcess program)
    {
        const string Listens = "Now listening on: ";
        string? line = null;
        await Eventually.TrueAsync(() => (line = program.Output.FirstOrDefault(text => text.Contains(Listens, StringComparison.Ordinal))) is not null, "the program listens");
        return (program, new Uri(line![(line!.IndexOf(Listens, StringComparison.Ordinal) + Listens.Length)..].Trim()));
    }

    private static WorkerProcess StartProgram(string program, string connectionString, string prefix, string? database, params (string Key, string Value)[] settings)
    {
        ProcessStartInfo start = new("dotnet", [program])
        {
            WorkingDirectory = AppContext.BaseDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Where loopback may be called, on which the tests count.
        start.Environment["DOTNET_ENVIRONMENT"] = settings.Any(setting => setting.Key.StartsWith("ApiKeys", StringComparison.Ordinal)) ? "Production" : "Development";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ConnectionStrings__rabbitmq"] = connectionString;
        start.Environment["ConnectionStrings__orders"] = database;
        start.Environment["WorkQueue__Prefix"] = prefix;
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        start.Environment["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information";
        start.Environment["Logging__LogLevel__WorkQueue.Messaging.Leading"] = "Information";
        foreach ((string key, string value) in settings)
        {
            start.Environment[$"WorkQueue__{key.Replace(":", "__", StringComparison.Ordinal)}"] = value;
        }

        WorkerProcess worker = new(Process.Start(start)!);
        worker._process.OutputDataReceived += (_, line) => worker.Keep(line.Data);
        worker._process.ErrorDataReceived += (_, line) => worker.Keep(line.Data);
        worker._process.BeginOutputReadLine();
        worker._process.BeginErrorReadLine();
        return worker;
    }

    /// <summary>Kills it (SIGKILL): it can finish nothing and tell nobody.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public Task SignalAsync(string signal) => Signals.SendAsync(signal, _process.Id);

    /// <summary>Asks it to stop (SIGTERM), and returns how long that took.</summary>
    public async Task<TimeSpan> StopAsync()
    {
        long start = TimeProvider.System.GetTimestamp();
        await Signals.SendAsync("TERM", _process.Id);
        await _process.WaitForExitAsync();
        return TimeProvider.System.GetElapsedTime(start);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            Output.Enqueue(line);
        }
    }
}
