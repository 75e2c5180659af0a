using System.Diagnostics;
using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>A broker of the benchmarks' own: an installed rabbitmq-server in a folder that goes with it, or a container, for another version.</summary>
internal sealed class LocalBroker : IAsyncDisposable
{
    private const string User = "benchmark";

    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-benchmark-").FullName;
    private readonly int _port = Ports.Free();
    private readonly ProcessStartInfo _start;
    private readonly string? _image;
    private Process _process;

    private LocalBroker(string? image)
    {
        _image = image;
        ConnectionString = string.Create(CultureInfo.InvariantCulture, $"amqp://{User}:{User}@127.0.0.1:{_port}");
        (string Name, string Value)[] ports = [("RABBITMQ_NODE_PORT", Text(_port)), ("RABBITMQ_DIST_PORT", Text(Ports.Free())), ("ERL_EPMD_PORT", Text(Ports.Free()))];
        _start = image is null
            ? KeptProgram.In(_folder, "sh", Path.Combine(AppContext.BaseDirectory, "local-broker.sh"))
            // Gone with this process, however that ends: the shell waits for its input to close.
            : new ProcessStartInfo("sh",
            [
                "-c", "name=$1; shift; \"$@\" </dev/null & read -r end; docker rm --force --volumes \"$name\"", "keeper", Name, "docker",
                "run", "--rm", "--name", Name, "--network", "host", .. ports.SelectMany(port => (string[])["--env", $"{port.Name}={port.Value}"]),
                // The network is this machine's own, without a proxy in between that would be measured too: it is to answer on loopback alone.
                "--env", "RABBITMQ_NODENAME=benchmark@localhost", "--env", "RABBITMQ_ENABLED_PLUGINS_FILE=/none", "--env", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "--env", "ERL_EPMD_ADDRESS=127.0.0.1",
                "--env", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
                "--env", $"RABBITMQ_DEFAULT_USER={User}", "--env", $"RABBITMQ_DEFAULT_PASS={User}", image,
            ]);
        _start.RedirectStandardInput = true;
        _start.RedirectStandardOutput = _start.RedirectStandardError = true;
        _start.Environment["WORKQUEUE_BROKER_DIR"] = _folder;
        _start.Environment["WORKQUEUE_BROKER_USER"] = _start.Environment["WORKQUEUE_BROKER_PASSWORD"] = User;
        foreach ((string name, string value) in ports)
        {
            _start.Environment[name] = value;
        }

        _process = Run();
    }

    public string ConnectionString { get; }

    /// <summary>What it says it is, for example <c>3.10.8</c>.</summary>
    public string Version { get; private set; } = "";

    private string Name => Path.GetFileName(_folder);

    /// <summary>Starts one, and returns when it answers.</summary>
    /// <param name="image">The image of a container; none: what is installed.</param>
    /// <exception cref="InvalidOperationException">It did not start: is rabbitmq-server installed?</exception>
    public static async Task<LocalBroker> StartAsync(string? image)
    {
        LocalBroker broker = new(image);
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
        throw new InvalidOperationException(image is not null
            ? $"The broker did not start: does 'docker run --network host {image}' start a RabbitMQ here?"
            : "The broker did not start. The benchmarks need an installed rabbitmq-server: eng/setup.sh benchmarks installs it on Debian and Ubuntu.");
    }

    /// <summary>Kills it, and starts it again with the same data.</summary>
    /// <returns>When its port was open again.</returns>
    /// <exception cref="InvalidOperationException">It did not start again.</exception>
    /// <exception cref="NotSupportedException">It is a container, whose data goes with it.</exception>
    public async Task<long> RestartAsync()
    {
        if (_image is not null)
        {
            throw new NotSupportedException("What a broker's restart takes is measured on an installed one.");
        }

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
        if (_image is not null)
        {
            // Killed alone, the program that started it would leave it there.
            using Process removal = Process.Start(new ProcessStartInfo("docker", ["rm", "--force", "--volumes", Name]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            await removal.WaitForExitAsync();
        }

        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
