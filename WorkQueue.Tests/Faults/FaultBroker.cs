using System.Diagnostics;
using System.Globalization;
using System.Text;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker the fault tests share: a real process that they kill, start again with its data, freeze and set alarms on.</summary>
#pragma warning disable CA1001 // xunit calls IAsyncLifetime.DisposeAsync.
public sealed class FaultBroker : IAsyncLifetime
#pragma warning restore CA1001
{
    private readonly LocalBrokerProcess? _broker = LocalBrokerProcess.IsInstalled || TestEnvironment.IsCi ? new() : null;
    private bool _running;
    private int? _frozen;

    public int Port => Broker.Port;

    public string ConnectionString => Broker.ConnectionString;

    private LocalBrokerProcess Broker => _broker ?? throw new InvalidOperationException("No rabbitmq-server is installed.");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }
    }

    /// <summary>Has the broker running, whatever an earlier test left behind.</summary>
    public async Task EnsureRunningAsync()
    {
        if (_frozen is not null)
        {
            await ThawAsync();
        }

        if (!_running)
        {
            await StartAsync();
        }
    }

    /// <summary>Starts it, and returns when its port answers.</summary>
    public async Task StartAsync()
    {
        await Broker.StartAsync();
        _running = true;
    }

    /// <summary>Kills it as a power cut would.</summary>
    public async Task KillAsync()
    {
        _running = false;
        await Broker.KillAsync();
    }

    /// <summary>
    /// Has it write down the queues it has just got. A new quorum queue is registered in a file that RabbitMQ flushes half a second
    /// later; a kill before that loses the queue with all that is in it, whatever was confirmed.
    /// </summary>
    public Task FlushAsync() => ControlAsync("eval", "[ok = dets:sync(Table) || Table <- dets:all()].");

    /// <summary>Stops its process from running (SIGSTOP): its connections stand, and nothing answers.</summary>
    public async Task FreezeAsync()
    {
        int id = Find().Id;
        await Signals.SendAsync("STOP", id);
        _frozen = id;
    }

    /// <summary>Lets it run on (SIGCONT).</summary>
    public async Task ThawAsync()
    {
        await Signals.SendAsync("CONT", _frozen!.Value);
        _frozen = null;
    }

    /// <summary>Runs <c>rabbitmqctl</c> on it.</summary>
    public async Task ControlAsync(params string[] arguments)
    {
        (_, Dictionary<string, string> environment) = Find();
        ProcessStartInfo start = new(await ControlProgramAsync(), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string name in (string[])["HOME", "RABBITMQ_NODENAME", "RABBITMQ_CONF_ENV_FILE", "ERL_EPMD_PORT", "ERL_EPMD_ADDRESS"])
        {
            start.Environment[name] = environment[name];
        }

        (int code, string output) = await RunAsync(start);
        Assert.True(code == 0, output);
    }

    private static async Task<string> ControlProgramAsync()
    {
        ProcessStartInfo check = new("sh", [Path.Combine(AppContext.BaseDirectory, "local-broker.sh"), "--check"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        (_, string server) = await RunAsync(check);
        return Path.Combine(Path.GetDirectoryName(server.Trim())!, "rabbitmqctl");
    }

    private static async Task<(int Code, string Output)> RunAsync(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        string[] output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(output));
    }

    // The script becomes the Erlang machine; its environment tells which of those running here is ours, and how to talk to it.
    private (int Id, Dictionary<string, string> Environment) Find()
    {
        string port = Port.ToString(CultureInfo.InvariantCulture);
        foreach (Process process in Process.GetProcessesByName("beam.smp"))
        {
            using (process)
            {
                Dictionary<string, string> environment = EnvironmentOf(process.Id);
                if (environment.GetValueOrDefault("RABBITMQ_NODE_PORT") == port)
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
}
