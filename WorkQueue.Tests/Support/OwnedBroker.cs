using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace WorkQueue.Tests.Support;

/// <summary>
/// A RabbitMQ broker of the tests' own, on a port it keeps: it can be killed and started again with its data, frozen, and given orders.
/// It ends with the tests, however they end.
/// </summary>
internal abstract class OwnedBroker : IAsyncDisposable
{
    private readonly List<string> _output = [];
    private Process? _process;
    private bool _secured;

    /// <summary>Why the tests can have no broker of their own here, or null. In CI there has to be one.</summary>
    public static string? Missing { get; } = TestEnvironment.IsCi || TestEnvironment.BrokerImage is not null || LocalBrokerProcess.IsInstalled
        ? null
        : "No RabbitMQ: install rabbitmq-server, or set WORKQUEUE_TEST_BROKER=docker:<image>.";

    public int Port { get; } = TestEnvironment.FreePort();

    /// <summary>The port for TLS, after <see cref="Secure"/>.</summary>
    public int SecurePort { get; } = TestEnvironment.FreePort();

    /// <summary>The port of the management API, after <see cref="Manage"/>.</summary>
    public int ManagementPort { get; } = TestEnvironment.FreePort();

    public string ConnectionString => $"amqp://tests:tests@127.0.0.1:{Text(Port)}";

    /// <summary>Files of this broker's on this machine.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("workqueue-test-broker-").FullName;

    protected bool IsManaged { get; private set; }

    /// <summary>Where the broker listens for TLS, as it sees it itself.</summary>
    protected abstract string SecureListener { get; }

    /// <summary>Where the broker finds the subfolders <c>conf.d</c> and <c>tls</c> of <see cref="Folder"/>.</summary>
    protected abstract string ConfigurationFolder { get; }

    /// <summary>The broker that <c>WORKQUEUE_TEST_BROKER</c> asks for: a container of that image, else an installed rabbitmq-server.</summary>
    public static OwnedBroker Create() => TestEnvironment.BrokerImage is { } image ? new ContainerBroker(image) : new LocalBrokerProcess();

    /// <summary>Has it listen for TLS too, from its first start.</summary>
    public void Secure(string certificate, string key)
    {
        _secured = true;
        // Apart from conf.d, of which RabbitMQ 3.10 reads every file.
        string tls = Directory.CreateDirectory(Path.Combine(Folder, "tls")).FullName;
        File.Copy(certificate, Path.Combine(tls, "cert.pem"));
        File.Copy(key, Path.Combine(tls, "key.pem"));
        string settings = Directory.CreateDirectory(Path.Combine(Folder, "conf.d")).FullName;
        File.WriteAllLines(Path.Combine(settings, "50-tls.conf"), [
            $"listeners.ssl.1 = {SecureListener}",
            $"ssl_options.cacertfile = {ConfigurationFolder}/tls/cert.pem",
            $"ssl_options.certfile = {ConfigurationFolder}/tls/cert.pem",
            $"ssl_options.keyfile = {ConfigurationFolder}/tls/key.pem"]);
    }

    /// <summary>Has it answer on the management API too, from its first start.</summary>
    public void Manage() => IsManaged = true;

    /// <summary>Starts it, with the data it had, and returns when it answers.</summary>
    public virtual async Task StartAsync()
    {
        ProcessStartInfo start = await PrepareAsync();
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        lock (_output)
        {
            _output.Clear();
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Started(_process);
        await WaitUntilUpAsync(_process);
    }

    /// <summary>Kills it as a power cut would.</summary>
    public async Task KillAsync()
    {
        Process process = _process!;
        _process = null;
        await KillAsync(process);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>Stops it from running: its connections stand, and nothing answers.</summary>
    public abstract Task FreezeAsync();

    /// <summary>Lets it run on.</summary>
    public abstract Task ThawAsync();

    /// <summary>Runs <c>rabbitmqctl</c> on it.</summary>
    public abstract Task ControlAsync(params string[] arguments);

    public virtual async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await KillAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Readies what it runs in; the process that is started then writes the broker's output and ends with it.</summary>
    protected abstract Task<ProcessStartInfo> PrepareAsync();

    protected virtual void Started(Process process)
    {
    }

    protected abstract Task KillAsync(Process process);

    protected static async Task<string> RunAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        string[] output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output[0] : throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)}:\n{string.Concat(output)}");
    }

    protected static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task WaitUntilUpAsync(Process process)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(100));
        while (!await GreetsAsync(Port, secured: false, limit.Token) || (_secured && !await GreetsAsync(SecurePort, secured: true, limit.Token)))
        {
            if (process.HasExited || limit.IsCancellationRequested)
            {
                lock (_output)
                {
                    throw new InvalidOperationException($"The test broker did not start:\n{string.Join('\n', _output)}");
                }
            }

            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    // Not the port alone: a container's is open before the broker is there.
    private static async Task<bool> GreetsAsync(int port, bool secured, CancellationToken cancellationToken)
    {
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync("127.0.0.1", port, cancellationToken);
            await using Stream stream = secured ? await SecureAsync(client.GetStream(), cancellationToken) : client.GetStream();
            await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), cancellationToken);
            byte[] answer = new byte[1];
            return await stream.ReadAsync(answer, cancellationToken) == 1 && answer[0] == 1;
        }
        catch (Exception failure) when (failure is SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task<SslStream> SecureAsync(Stream stream, CancellationToken cancellationToken)
    {
#pragma warning disable CA5359 // Asks whether anybody is there; whom to trust is what the tests test.
        SslStream secured = new(stream, leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await secured.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, cancellationToken);
        return secured;
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            lock (_output)
            {
                _output.Add(line);
            }
        }
    }
}
