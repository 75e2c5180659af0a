using System.Diagnostics;
using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>A broker of the benchmarks' own: an installed rabbitmq-server, in a folder that goes with it.</summary>
internal sealed class LocalBroker : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-benchmark-").FullName;
    private readonly int _port = Ports.Free();
    private readonly ProcessStartInfo _start;
    private Process _process;

    private LocalBroker()
    {
        ConnectionString = string.Create(CultureInfo.InvariantCulture, $"amqp://benchmark:benchmark@127.0.0.1:{_port}");
        _start = new ProcessStartInfo("sh", [Path.Combine(AppContext.BaseDirectory, "local-broker.sh")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        _start.Environment["WORKQUEUE_BROKER_DIR"] = _folder;
        _start.Environment["WORKQUEUE_BROKER_USER"] = _start.Environment["WORKQUEUE_BROKER_PASSWORD"] = "benchmark";
        _start.Environment["RABBITMQ_NODE_PORT"] = Text(_port);
        _start.Environment["RABBITMQ_DIST_PORT"] = Text(Ports.Free());
        _start.Environment["ERL_EPMD_PORT"] = Text(Ports.Free());
        _process = Run();
    }

    public string ConnectionString { get; }

    /// <summary>What it says it is, for example <c>3.10.8</c>.</summary>
    public string Version { get; private set; } = "";

    /// <summary>Starts one, and returns when it answers.</summary>
    /// <exception cref="InvalidOperationException">It did not start: is rabbitmq-server installed?</exception>
    public static async Task<LocalBroker> StartAsync()
    {
        LocalBroker broker = new();
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(250));
        for (int tries = 0; tries < 240 && !broker._process.HasExited; tries++)
        {
            try
            {
                await using IConnection connection = await new ConnectionFactory { Uri = new Uri(broker.ConnectionString) }.CreateConnectionAsync();
                broker.Version = System.Text.Encoding.UTF8.GetString((byte[])connection.ServerProperties!["version"]!);
                return broker;
            }
            catch (BrokerUnreachableException)
            {
                await timer.WaitForNextTickAsync();
            }
        }

        await broker.DisposeAsync();
        throw new InvalidOperationException("The broker did not start. The benchmarks need an installed rabbitmq-server: eng/setup.sh benchmarks installs it on Debian and Ubuntu.");
    }

    /// <summary>Kills it, and starts it again with the same data.</summary>
    /// <returns>When its port was open again.</returns>
    /// <exception cref="InvalidOperationException">It did not start again.</exception>
    public async Task<long> RestartAsync()
    {
        await KillAsync();
        _process = Run();
        await Ports.OpenedAsync(_port, _process);
        return Stopwatch.GetTimestamp();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Process Run()
    {
        Process process = Process.Start(_start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
