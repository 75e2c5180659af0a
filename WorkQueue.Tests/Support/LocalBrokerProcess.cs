using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace WorkQueue.Tests.Support;

/// <summary>A RabbitMQ broker of the tests' own, started by the AppHost's script; it can be killed and started again with its data.</summary>
internal sealed class LocalBrokerProcess : IAsyncDisposable
{
    private static readonly string Script = Path.Combine(AppContext.BaseDirectory, "local-broker.sh");
    private static readonly Lazy<bool> Installed = new(() => Run("--check") == 0);

    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-test-broker-").FullName;
    private readonly int _distributionPort = TestEnvironment.FreePort();
    private readonly int _epmdPort = TestEnvironment.FreePort();
    private Process? _process;

    public static bool IsInstalled => Installed.Value;

    public int Port { get; } = TestEnvironment.FreePort();

    public string ConnectionString => $"amqp://tests:tests@127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Adds settings of its own to rabbitmq.conf, before a start.</summary>
    public void Configure(string settings)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "conf.d"));
        File.WriteAllText(Path.Combine(_folder, "conf.d", "50-test.conf"), settings);
    }

    public async Task StartAsync()
    {
        ProcessStartInfo start = new("sh", [Script]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["WORKQUEUE_BROKER_DIR"] = _folder;
        start.Environment["WORKQUEUE_BROKER_USER"] = "tests";
        start.Environment["WORKQUEUE_BROKER_PASSWORD"] = "tests";
        start.Environment["RABBITMQ_NODE_PORT"] = Port.ToString(CultureInfo.InvariantCulture);
        start.Environment["RABBITMQ_DIST_PORT"] = _distributionPort.ToString(CultureInfo.InvariantCulture);
        start.Environment["ERL_EPMD_PORT"] = _epmdPort.ToString(CultureInfo.InvariantCulture);
        List<string> output = [];
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(output, line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(output, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WaitUntilUpAsync(output);
    }

    /// <summary>Kills the broker as a power cut would.</summary>
    public async Task KillAsync()
    {
        _process!.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task WaitUntilUpAsync(List<string> output)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(100));
        while (!await GreetsAsync(limit.Token))
        {
            if (_process!.HasExited || limit.IsCancellationRequested)
            {
                string text;
                lock (output)
                {
                    text = string.Join('\n', output);
                }

                throw new InvalidOperationException($"The test broker did not start:\n{text}");
            }

            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private async Task<bool> GreetsAsync(CancellationToken cancellationToken)
    {
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync("127.0.0.1", Port, cancellationToken);
            await client.GetStream().WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), cancellationToken);
            byte[] answer = new byte[1];
            return await client.GetStream().ReadAsync(answer, cancellationToken) == 1 && answer[0] == 1;
        }
        catch (Exception failure) when (failure is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private static void Keep(List<string> output, string? line)
    {
        if (line is not null)
        {
            lock (output)
            {
                output.Add(line);
            }
        }
    }

    private static int Run(string argument)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return 1;
        }

        using Process process = Process.Start(new ProcessStartInfo("sh", [Script, argument]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
