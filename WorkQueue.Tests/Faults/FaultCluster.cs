using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Three brokers as one cluster, of the installed rabbitmq-server or of an image; its nodes are killed, and started again with their data.</summary>
#pragma warning disable CA1001 // xunit calls IAsyncLifetime.DisposeAsync.
public sealed class FaultCluster : IFaultBroker, IAsyncLifetime
#pragma warning restore CA1001
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-test-cluster-").FullName;
    private readonly Dictionary<string, string> _environment;
    private readonly ClusterNode[] _nodes;
    private Process? _nameService;
    private readonly int[] _securePorts = [.. Enumerable.Range(0, 3).Select(_ => TestEnvironment.FreePort())];
    private ClusterPrograms? _programs;

    public FaultCluster()
        : this("")
    {
    }

    /// <summary>A cluster whose nodes have more settings.</summary>
    /// <param name="settings">Lines of rabbitmq.conf; with any of them each node listens for TLS, too.</param>
    internal FaultCluster(string settings)
    {
        _environment = new(StringComparer.Ordinal)
        {
            // Holds the cookie by which the nodes know each other.
            ["HOME"] = _folder,
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(_folder, "none"),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_EPMD_PORT"] = TestEnvironment.FreePort().ToString(CultureInfo.InvariantCulture),
            ["ERL_AFLAGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
        };
        string[] names = [.. Enumerable.Range(1, 3).Select(number => $"{Path.GetFileName(_folder)}-{number}@localhost")];
        string join = string.Join('\n', names.Select((name, index) => $"cluster_formation.classic_config.nodes.{index + 1} = {name}"));
        // The first founds the cluster, which the others join when they start for the first time.
        _nodes = [.. names.Select((name, index) => new ClusterNode(
            name, Path.Combine(_folder, $"{index + 1}"), _environment, string.Join('\n', index == 0 ? "" : join, settings.Length > 0 ? $"listeners.ssl.1 = 127.0.0.1:{_securePorts[index].ToString(CultureInfo.InvariantCulture)}" : "", settings)))];
    }

    public string ConnectionString => _nodes.First(node => node.IsRunning).ConnectionString;

    /// <summary>The address of all nodes, as a program is given it.</summary>
    public string AllNodes => $"amqp://{string.Join(',', _nodes.Select(node => $"127.0.0.1:{node.Port.ToString(CultureInfo.InvariantCulture)}"))}";

    /// <summary>The address of all nodes by TLS.</summary>
    public string AllSecure => $"amqps://{string.Join(',', _securePorts.Select(port => $"localhost:{port.ToString(CultureInfo.InvariantCulture)}"))}";

    internal IReadOnlyList<ClusterNode> Nodes => _nodes;

    private string NameService => $"{Path.GetFileName(_folder)}-names";

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (ClusterNode node in _nodes)
        {
            await node.DisposeAsync();
        }

        if (_nameService is not null)
        {
            await ClusterPrograms.KillAsync(NameService, _nameService);
        }

        Directory.Delete(_folder, recursive: true);
    }

    public async Task EnsureRunningAsync()
    {
        if (_nameService is null)
        {
            _programs = await ClusterPrograms.FindAsync();
            _nameService = _programs.Run(NameService, _folder, _environment, "epmd", "-address", "127.0.0.1", "-port", _environment["ERL_EPMD_PORT"]);
            // A node that finds no name service starts one, which would stay behind.
            await Eventually.TrueAsync(() => AnswersAsync(int.Parse(_environment["ERL_EPMD_PORT"], CultureInfo.InvariantCulture)), "the name service answers");
            await StartAsync(_nodes[0]);
        }

        await Task.WhenAll(_nodes.Where(node => !node.IsRunning).Select(StartAsync));
    }

    /// <summary>Starts a node, and returns when it takes clients.</summary>
    internal Task StartAsync(ClusterNode node) => node.StartAsync(_programs!);

    /// <summary>The node that leads a queue.</summary>
    internal async Task<ClusterNode> LeaderAsync(string queue)
    {
        Dictionary<string, string> settings = new(_environment, StringComparer.Ordinal) { ["RABBITMQ_NODENAME"] = _nodes.First(node => node.IsRunning).Name };
        string list = await _programs!.ReadAsync(settings, "rabbitmqctl", "--silent", "list_queues", "name", "leader");
        string line = list.Split('\n').Single(row => row.StartsWith($"{queue}\t", StringComparison.Ordinal));
        return _nodes.Single(node => node.Name == line.Split('\t')[1].Trim());
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, port).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return client.Connected;
    }
}
