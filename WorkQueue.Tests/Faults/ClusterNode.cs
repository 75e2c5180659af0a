using System.Diagnostics;
using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>One broker of a cluster: a process of its own, on the loopback interface and out of a folder of its own.</summary>
internal sealed class ClusterNode : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Dictionary<string, string> _environment;
    private Process? _process;

    /// <summary>Prepares a node.</summary>
    /// <param name="name">Its Erlang name.</param>
    /// <param name="folder">Its folder, beside those of the other nodes.</param>
    /// <param name="environment">What it has in common with the other nodes.</param>
    /// <param name="settings">Its rabbitmq.conf.</param>
    public ClusterNode(string name, string folder, IReadOnlyDictionary<string, string> environment, string settings)
    {
        (Name, _folder) = (name, Directory.CreateDirectory(folder).FullName);
        File.WriteAllText(Path.Combine(folder, "rabbitmq.conf"), settings);
        File.WriteAllText(Path.Combine(folder, "enabled_plugins"), "[].");
        _environment = new Dictionary<string, string>(environment, StringComparer.Ordinal)
        {
            ["RABBITMQ_NODENAME"] = name,
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = Port.ToString(CultureInfo.InvariantCulture),
            ["RABBITMQ_DIST_PORT"] = TestEnvironment.FreePort().ToString(CultureInfo.InvariantCulture),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(folder, "rabbitmq.conf"),
            ["RABBITMQ_CONFIG_FILES"] = Path.Combine(folder, "none"),
            ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(folder, "none"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(folder, "enabled_plugins"),
            ["RABBITMQ_PLUGINS_EXPAND_DIR"] = Path.Combine(folder, "plugins"),
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(folder, "data"),
            ["RABBITMQ_LOG_BASE"] = Path.Combine(folder, "log"),
            ["RABBITMQ_PID_FILE"] = Path.Combine(folder, "pid"),
            ["ERL_CRASH_DUMP"] = Path.Combine(folder, "crash"),
            // Has the start script replace itself by the Erlang machine, which then is the process that gets killed.
            ["RABBITMQ_ALLOW_INPUT"] = "1",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-noinput",
        };
    }

    public string Name { get; }

    public int Port { get; } = TestEnvironment.FreePort();

    public bool IsRunning => _process is not null;

    public string ConnectionString => $"amqp://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Starts it, and returns when it takes clients, as a member of its cluster.</summary>
    public async Task StartAsync(ClusterPrograms programs)
    {
        _process = programs.Run(Name.Replace('@', '-'), _folder, _environment, "rabbitmq-server");
        ConnectionFactory factory = new() { Uri = new Uri(ConnectionString), AutomaticRecoveryEnabled = false };
        // One that was killed reads again what waits in its logs: after half a million tasks, on cores that are busy, for more than a minute.
        await Eventually.TrueAsync(() => AnswersAsync(factory), $"{Name} takes clients", TimeSpan.FromMinutes(5));
    }

    /// <summary>Kills it (SIGKILL), as a power cut would.</summary>
    public async Task KillAsync()
    {
        if (_process is not null)
        {
            await ClusterPrograms.KillAsync(Name.Replace('@', '-'), _process);
            _process = null;
        }
    }

    public async ValueTask DisposeAsync() => await KillAsync();

    private static async Task<bool> AnswersAsync(ConnectionFactory factory)
    {
        try
        {
            await using IConnection connection = await factory.CreateConnectionAsync("fault tests");
            // A call besides: a node that still starts may take connections and drop them.
            await using IChannel channel = await connection.CreateChannelAsync();
            return true;
        }
        catch (Exception failure) when (failure is BrokerUnreachableException or OperationInterruptedException or IOException)
        {
            return false;
        }
    }
}
