using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>
/// Figures, not a test: runs where WORKQUEUE_MEASURE is the number of listeners. What listeners who hear nothing and clients who send slowly cost a producer, and those who call it
/// meanwhile. So many connections need as many open files: <c>ulimit -n</c>.
/// </summary>
[Collection(ManagedBrokerTests.Name)]
public sealed class ClientsMeasurement(ITestOutputHelper output) : IAsyncLifetime
{
    private const int SlowClients = 1000;
    private const int PerAddress = 20_000;

    private readonly OwnedBroker _broker = OwnedBroker.Create();
    private readonly string _prefix = $"m{Guid.NewGuid():N}"[..12];
    private readonly List<Socket> _sockets = [];
    private WorkerProcess _producer = null!;
    private Uri _address = null!;
    private double _first;

    public async Task InitializeAsync()
    {
        if (new MeasureFactAttribute().Skip is null)
        {
            await _broker.StartAsync();
            (_producer, _address) = await WorkerProcess.StartProducerAsync(_broker.ConnectionString, _prefix);
        }
    }

    public async Task DisposeAsync()
    {
        await (_producer?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _broker.DisposeAsync();
    }

    [MeasureFact]
    public async Task Listeners_and_slow_clients()
    {
        int listeners = int.Parse(Environment.GetEnvironmentVariable("WORKQUEUE_MEASURE")!, CultureInfo.InvariantCulture);
        await CallAsync();
        long before = Memory();
        output.WriteLine($"alone: {await CallAsync()}, {before >> 20} MiB");

        long begun = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, listeners), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (number, _) => await ListenAsync(number));
        TimeSpan took = Stopwatch.GetElapsedTime(begun);
        string calls = await CallAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{listeners} listeners after {took.TotalSeconds:0} s: {calls}, {(Memory() - before) / (double)listeners / 1024:0.0} KiB each"));
        Close();
        long left = Stopwatch.GetTimestamp();
        string after = await CallAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"when all have left at once: {after}, of which the first took {_first:0} ms; {Stopwatch.GetElapsedTime(left).TotalSeconds:0.0} s for all calls"));

        Task<TimeSpan>[] bodies = [.. Enumerable.Range(0, SlowClients).Select(_ => DripAsync("POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n", ""))];
        output.WriteLine($"{SlowClients} clients that send a byte of their body a second: {await CallAsync()}; cut off {Range(await Task.WhenAll(bodies))}");
        Task<TimeSpan>[] heads = [.. Enumerable.Range(0, SlowClients).Select(_ => DripAsync("", "POST /tasks HTTP/1.1\r\nHost: localhost\r\nX-Long: "))];
        output.WriteLine($"{SlowClients} clients that send a byte of their head a second: {await CallAsync()}; cut off {Range(await Task.WhenAll(heads))}");
    }

    private static string Range(TimeSpan[] times) => string.Create(CultureInfo.InvariantCulture, $"after {times.Min().TotalSeconds:0.0} to {times.Max().TotalSeconds:0.0} s");

    private async Task<string> CallAsync()
    {
        using HttpClient http = new() { BaseAddress = _address };
        List<double> times = [];
        for (int call = 0; call < 300; call++)
        {
            long start = Stopwatch.GetTimestamp();
            using StringContent task = new("hello");
            (await http.PostAsync("/tasks", task)).EnsureSuccessStatusCode();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        _first = times[0];
        times.Sort();
        return string.Create(CultureInfo.InvariantCulture, $"a call takes {times[150]:0.0} ms (median), {times[297]:0.0} ms (99 %)");
    }

    private async Task ListenAsync(int number)
    {
        Socket socket = await ConnectAsync(number);
        await socket.SendAsync("GET /events?topic=nothing.of.this HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
        byte[] head = new byte[12];
        Assert.Equal(12, await socket.ReceiveAsync(head));
        Assert.Equal("HTTP/1.1 200", Encoding.ASCII.GetString(head));
    }

    // Sends a byte a second until the other side has had enough.
    private async Task<TimeSpan> DripAsync(string whole, string slow)
    {
        Socket socket = await ConnectAsync(0);
        await socket.SendAsync(Encoding.ASCII.GetBytes(whole));
        long start = Stopwatch.GetTimestamp();
        Task<int> end = socket.ReceiveAsync(new byte[1]);
        try
        {
            for (int sent = 0; !end.IsCompleted; sent++)
            {
                await socket.SendAsync(new[] { (byte)(sent < slow.Length ? slow[sent] : 'x') });
                await Task.WhenAny(end, Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System));
            }
        }
        catch (SocketException)
        {
            // It was cut off while something was sent.
        }

        await end.ContinueWith(_ => { }, TaskScheduler.Default);
        return Stopwatch.GetElapsedTime(start);
    }

    // An address of this machine has ports for some twenty thousand connections to one other; there are many on the loopback interface.
    private async Task<Socket> ConnectAsync(int number)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        lock (_sockets)
        {
            _sockets.Add(socket);
        }

        socket.Bind(new IPEndPoint(new IPAddress([127, 1, (byte)(number / PerAddress), 1]), 0));
        await socket.ConnectAsync(IPAddress.Loopback, _address.Port);
        return socket;
    }

    private void Close()
    {
        foreach (Socket socket in _sockets)
        {
            socket.Dispose();
        }

        _sockets.Clear();
    }

    private long Memory()
    {
        using Process process = Process.GetProcessById(_producer.Id);
        return process.WorkingSet64;
    }
}
