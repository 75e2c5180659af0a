using System.Diagnostics;
using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>Three brokers of an installed rabbitmq-server as one cluster, on the loopback interface, in a folder that goes with them.</summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    private const int Nodes = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-cluster-").FullName;
    private readonly int[] _ports = [.. Enumerable.Range(0, Nodes).Select(_ => Ports.Free())];
    private readonly int _namePort = Ports.Free();
    private readonly List<Process> _processes = [];
    private readonly Lazy<Task> _started;

    public LocalCluster() => _started = new Lazy<Task>(StartAsync);

    /// <summary>The address of all nodes, as a program is given it; they are started when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">A node did not start.</exception>
    public async Task<string> ConnectionStringAsync()
    {
        await _started.Value;
        return $"amqp://{string.Join(',', _ports.Select(port => $"127.0.0.1:{Text(port)}"))}";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Process process in _processes)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync()
    {
        string server = await ServerAsync();
        Run(_folder, "epmd", "-address", "127.0.0.1", "-port", Text(_namePort));
        await Ports.OpenedAsync(_namePort, _processes[0]);
        // The first founds the cluster, which the others join.
        for (int node = 0; node < Nodes; node++)
        {
            await StartAsync(server, node);
        }
    }

    // The program itself, not the wrapper in the path: that changes to the system's user and folders.
    private static async Task<string> ServerAsync()
    {
        using Process check = Process.Start(new ProcessStartInfo("sh", [Path.Combine(AppContext.BaseDirectory, "local-broker.sh"), "--check"]) { RedirectStandardOutput = true })!;
        string server = await check.StandardOutput.ReadToEndAsync();
        await check.WaitForExitAsync();
        return check.ExitCode == 0 ? server.Trim() : throw new InvalidOperationException("No rabbitmq-server: eng/setup.sh benchmarks installs it on Debian and Ubuntu.");
    }

    private async Task StartAsync(string server, int node)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, Text(node + 1))).FullName;
        string join = string.Join('\n', Enumerable.Range(0, Nodes).Select(other => $"cluster_formation.classic_config.nodes.{other + 1} = {NameOf(other)}"));
        await File.WriteAllTextAsync(Path.Combine(folder, "rabbitmq.conf"), node == 0 ? "" : join);
        await File.WriteAllTextAsync(Path.Combine(folder, "enabled_plugins"), "[].");
        Process process = Run(folder, server);
        ConnectionFactory factory = new() { Uri = new Uri($"amqp://127.0.0.1:{Text(_ports[node])}") };
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(250));
        for (int tries = 0; tries < 240 && !process.HasExited; tries++)
        {
            try
            {
                await using IConnection connection = await factory.CreateConnectionAsync("benchmark");
                return;
            }
            catch (BrokerUnreachableException)
            {
                await timer.WaitForNextTickAsync();
            }
        }

        throw new InvalidOperationException($"Node {node + 1} of the cluster did not start: {await File.ReadAllTextAsync(Path.Combine(folder, "output"))}");
    }

    private Process Run(string folder, params string[] command)
    {
        ProcessStartInfo start = KeptProgram.In(folder, command);
        int node = Path.GetFileName(folder) is [>= '1' and <= '9' and var number] ? number - '1' : 0;
        foreach ((string name, string value) in Settings(folder, node))
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start)!;
        _processes.Add(process);
        return process;
    }

    private IEnumerable<(string Name, string Value)> Settings(string folder, int node) =>
    [
        // Holds the cookie by which the nodes know each other.
        ("HOME", _folder),
        ("ERL_EPMD_ADDRESS", "127.0.0.1"),
        ("ERL_EPMD_PORT", Text(_namePort)),
        ("ERL_AFLAGS", "-kernel inet_dist_use_interface {127,0,0,1}"),
        ("RABBITMQ_NODENAME", NameOf(node)),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"),
        ("RABBITMQ_NODE_PORT", Text(_ports[node])),
        ("RABBITMQ_DIST_PORT", Text(Ports.Free())),
        ("RABBITMQ_CONF_ENV_FILE", Path.Combine(folder, "none")),
        ("RABBITMQ_CONFIG_FILE", Path.Combine(folder, "rabbitmq.conf")),
        ("RABBITMQ_CONFIG_FILES", Path.Combine(folder, "none")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", Path.Combine(folder, "none")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", Path.Combine(folder, "enabled_plugins")),
        ("RABBITMQ_PLUGINS_EXPAND_DIR", Path.Combine(folder, "plugins")),
        ("RABBITMQ_MNESIA_BASE", Path.Combine(folder, "data")),
        ("RABBITMQ_LOG_BASE", Path.Combine(folder, "log")),
        ("RABBITMQ_PID_FILE", Path.Combine(folder, "pid")),
        ("ERL_CRASH_DUMP", Path.Combine(folder, "crash")),
        // Has the start script replace itself by the Erlang machine.
        ("RABBITMQ_ALLOW_INPUT", "1"),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-noinput"),
    ];

    private string NameOf(int node) => $"{Path.GetFileName(_folder)}-{Text(node + 1)}@localhost";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
