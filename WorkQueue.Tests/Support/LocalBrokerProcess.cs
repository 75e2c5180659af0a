using System.Diagnostics;
using System.Text;

namespace WorkQueue.Tests.Support;

/// <summary>An installed rabbitmq-server, started by the AppHost's script in a folder of its own.</summary>
internal sealed class LocalBrokerProcess : OwnedBroker
{
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "local-broker.sh");
    private static readonly Lazy<string?> Server = new(FindServer);

    private readonly int _distributionPort = TestEnvironment.FreePort();
    private readonly int _epmdPort = TestEnvironment.FreePort();
    private Reaper? _reaper;
    private int? _frozen;

    public static bool IsInstalled => Server.Value is not null;

    /// <summary>The plugins it has, separated by commas, instead of those that its other settings ask for.</summary>
    public string? Plugins { get; init; }

    /// <summary>The port of its name service.</summary>
    public int EpmdPort => _epmdPort;

    /// <summary>Its settings are written.</summary>
    public bool IsConfigured => File.Exists(Path.Combine(Folder, "enabled_plugins"));

    protected override string SecureListener => $"127.0.0.1:{Text(SecurePort)}";

    protected override string ConfigurationFolder => Folder;

    /// <inheritdoc/>
    public override async Task FreezeAsync()
    {
        int id = Find().Id;
        await SignalAsync("STOP", id);
        _frozen = id;
    }

    /// <inheritdoc/>
    public override async Task ThawAsync()
    {
        await SignalAsync("CONT", _frozen!.Value);
        _frozen = null;
    }

    /// <inheritdoc/>
    public override Task ControlAsync(params string[] arguments) => ToolAsync("rabbitmqctl", arguments);

    /// <summary>Copies what it keeps, while it is stopped.</summary>
    public Task BackUpAsync(string folder) => RunAsync(new ProcessStartInfo("cp", ["--archive", Path.Combine(Folder, "data"), folder]));

    /// <summary>Puts such a copy in the place of what it has, while it is stopped.</summary>
    public Task RestoreAsync(string folder)
    {
        Directory.Delete(Path.Combine(Folder, "data"), recursive: true);
        return RunAsync(new ProcessStartInfo("cp", ["--archive", folder, Path.Combine(Folder, "data")]));
    }

    /// <summary>Runs a program that finds RabbitMQ's tools on its path, and with them this broker.</summary>
    /// <returns>What it printed.</returns>
    public Task<string> ToolAsync(string program, params string[] arguments)
    {
        (_, Dictionary<string, string> environment) = Find();
        string tools = Path.GetDirectoryName(Server.Value)!;
        ProcessStartInfo start = new(Path.IsPathRooted(program) ? program : Path.Combine(tools, program), arguments);
        foreach (string name in (string[])["HOME", "RABBITMQ_NODENAME", "RABBITMQ_CONF_ENV_FILE", "ERL_EPMD_PORT", "ERL_EPMD_ADDRESS"])
        {
            start.Environment[name] = environment[name];
        }

        start.Environment["PATH"] = $"{tools}:{Environment.GetEnvironmentVariable("PATH")}";
        return RunAsync(start);
    }

    protected override Task<ProcessStartInfo> PrepareAsync()
    {
        ProcessStartInfo start = new("sh", [Script]);
        start.Environment["WORKQUEUE_BROKER_DIR"] = Folder;
        start.Environment["WORKQUEUE_BROKER_USER"] = "tests";
        start.Environment["WORKQUEUE_BROKER_PASSWORD"] = "tests";
        start.Environment["RABBITMQ_NODE_PORT"] = Text(Port);
        start.Environment["RABBITMQ_DIST_PORT"] = Text(_distributionPort);
        start.Environment["ERL_EPMD_PORT"] = Text(_epmdPort);
        if (IsManaged)
        {
            start.Environment["WORKQUEUE_BROKER_MANAGEMENT_PORT"] = Text(ManagementPort);
        }

        if (Plugins is not null)
        {
            start.Environment["RABBITMQ_ENABLED_PLUGINS"] = Plugins;
        }

        return Task.FromResult(start);
    }

    protected override void Started(Process process) => _reaper = new Reaper("kill", "-KILL", Text(process.Id));

    protected override async Task KillAsync(Process process)
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        await _reaper!.DisposeAsync();
    }

    private static Task<string> SignalAsync(string signal, int process) => RunAsync(new ProcessStartInfo("sh", ["-c", $"kill -{signal} {Text(process)}"]));

    // The script becomes the Erlang machine; its environment tells which of those running here is ours, and how to talk to it.
    private (int Id, Dictionary<string, string> Environment) Find()
    {
        foreach (Process process in Process.GetProcessesByName("beam.smp"))
        {
            using (process)
            {
                Dictionary<string, string> environment = EnvironmentOf(process.Id);
                if (environment.GetValueOrDefault("RABBITMQ_NODE_PORT") == Text(Port))
                {
                    return (process.Id, environment);
                }
            }
        }

        throw new InvalidOperationException("The broker does not run.");
    }

    private static Dictionary<string, string> EnvironmentOf(int process)
    {
        Dictionary<string, string> environment = new(StringComparer.Ordinal);
        try
        {
            foreach (string entry in Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{process}/environ")).Split('\0'))
            {
                string[] parts = entry.Split('=', 2);
                environment[parts[0]] = parts[^1];
            }
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // Another's process, or one that has just ended.
        }

        return environment;
    }

    private static string? FindServer()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return null;
        }

        using Process process = Process.Start(new ProcessStartInfo("sh", [Script, "--check"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string server = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? server : null;
    }
}
