using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Benchmarks;

/// <summary>A broker of the benchmarks' own: an installed rabbitmq-server, in a folder that goes with it.</summary>
internal sealed class LocalBroker : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-benchmark-").FullName;
    private readonly Process _process;

    private LocalBroker()
    {
        int port = FreePort();
        ConnectionString = string.Create(CultureInfo.InvariantCulture, $"amqp://benchmark:benchmark@127.0.0.1:{port}");
        ProcessStartInfo start = new("sh", [Path.Combine(AppContext.BaseDirectory, "local-broker.sh")]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WORKQUEUE_BROKER_DIR"] = _folder;
        start.Environment["WORKQUEUE_BROKER_USER"] = start.Environment["WORKQUEUE_BROKER_PASSWORD"] = "benchmark";
        start.Environment["RABBITMQ_NODE_PORT"] = Text(port);
        start.Environment["RABBITMQ_DIST_PORT"] = Text(FreePort());
        start.Environment["ERL_EPMD_PORT"] = Text(FreePort());
        _process = Process.Start(start)!;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
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
        throw new InvalidOperationException("The broker did not start. The benchmarks need an installed rabbitmq-server: eng/setup.sh test installs it on Debian and Ubuntu.");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static int FreePort()
    {
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
