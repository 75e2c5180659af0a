using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using WorkQueue.Tests.Support;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Faults;

/// <summary>As many tasks as <c>WORKQUEUE_LONG_RUN</c> says, through a cluster of three, while workers, producers and brokers are killed at random; each counted by whoever its run has called.</summary>
[Collection(FaultSuite.Name)]
public sealed class LongRunTests(FaultCluster cluster, FaultReport report, ITestOutputHelper output) : IClassFixture<FaultCluster>, IAsyncLifetime
{
    private const int Chunk = 200;
    private const int Senders = 4;
    private const int MostWaiting = 20_000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly int Tasks = int.Parse(Environment.GetEnvironmentVariable("WORKQUEUE_LONG_RUN") ?? "0", CultureInfo.InvariantCulture);

    private readonly Ledger _ledger = new();
    private readonly Random _random = new(Seed: 20);
    private readonly string _prefix = $"l{Guid.NewGuid():N}"[..12];
    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-test-long-run-").FullName;
    private readonly WorkerProcess?[] _workers = new WorkerProcess?[3];
    private readonly (WorkerProcess Process, Uri Address)[] _producers = new (WorkerProcess, Uri)[2];
    private readonly Dictionary<string, int> _kills = [];
    private readonly Dictionary<string, TimeSpan> _longest = [];

    [LongRunFact]
    public async Task Nothing_is_lost()
    {
        await cluster.EnsureRunningAsync();
        await using WebhookSink sink = await WebhookSink.StartAsync(_ledger);
        for (int number = 0; number < _producers.Length; number++)
        {
            _producers[number] = await StartProducerAsync(number);
        }

        for (int number = 0; number < _workers.Length; number++)
        {
            _workers[number] = StartWorker();
        }

        long begun = TimeProvider.System.GetTimestamp();
        string url = JsonSerializer.Deserialize<JsonElement>(sink.CallFor(TimeSpan.Zero).Body.Span).GetProperty("url").GetString()!;
        using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(100) };
        Task sending = Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => SendAsync(http, url, sender)));
        while (!sending.IsCompleted)
        {
            await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(_random.Next(4, 12)), TimeProvider.System));
            await (sending.IsCompleted ? Task.CompletedTask : KillOneAsync());
            output.WriteLine($"{_ledger.Confirmed} confirmed, {_ledger.Succeeded} done");
        }

        await sending;
        await _ledger.AllComeAsync();
        TimeSpan took = TimeProvider.System.GetElapsedTime(begun);
        Balance balance = _ledger.Close([], []);
        Assert.Equal(Tasks, balance.Confirmed);
        string kills = string.Join(", ", _kills.Select(kill => string.Create(CultureInfo.InvariantCulture, $"{kill.Value} {kill.Key}s killed (longest without a run after it {_longest[kill.Key].TotalSeconds:0.0} s)")));
        report.Add("cluster of three, a long run", balance, string.Create(CultureInfo.InvariantCulture, $"{took.TotalMinutes:0} min; {kills}"));
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (WorkerProcess process in _workers.Concat(_producers.Select(producer => producer.Process)).OfType<WorkerProcess>())
        {
            await process.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private WorkerProcess StartWorker() => WorkerProcess.Start(cluster.AllNodes, _prefix, ("Worker:Concurrency", "16"), ("ConfirmTimeout", "00:00:10"));

    private Task<(WorkerProcess Process, Uri Address)> StartProducerAsync(int number) => WorkerProcess.StartProducerAsync(
        // Kept, as a producer keeps it: it need not read a million records again each time it is killed.
        cluster.AllNodes, _prefix, ("ConfirmTimeout", "00:00:10"), ("Board:Store", Path.Combine(_folder, $"{number}.db")));

    // Workers most often; a broker is back before another one goes, so that there is a majority all the time.
    private async Task KillOneAsync()
    {
        int dice = _random.Next(10);
        string what = dice < 6 ? "worker" : dice < 8 ? "producer" : "broker";
        long killed = TimeProvider.System.GetTimestamp();
        if (what == "worker")
        {
            int number = _random.Next(_workers.Length);
            await _workers[number]!.DisposeAsync();
            _workers[number] = StartWorker();
        }
        else if (what == "producer")
        {
            int number = _random.Next(_producers.Length);
            await _producers[number].Process.DisposeAsync();
            _producers[number] = await StartProducerAsync(number);
        }
        else
        {
            ClusterNode node = cluster.Nodes[_random.Next(cluster.Nodes.Count)];
            await node.KillAsync();
            await Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System);
            await cluster.StartAsync(node);
        }

        int done = _ledger.Succeeded;
        // Those that are lost, if any are, never come.
        await Eventually.TrueAsync(() => _ledger.Succeeded > done + 500 || _ledger.Succeeded > Tasks - 500, "work goes on", Limit);
        _kills[what] = _kills.GetValueOrDefault(what) + 1;
        TimeSpan pause = _ledger.LongestPauseSince(killed);
        _longest[what] = pause > _longest.GetValueOrDefault(what) ? pause : _longest.GetValueOrDefault(what);
    }

    private async Task SendAsync(HttpClient http, string url, int sender)
    {
        for (int first = sender * Chunk; first < Tasks; first += Senders * Chunk)
        {
            await Eventually.TrueAsync(() => _ledger.Confirmed - _ledger.Succeeded < MostWaiting, "fewer wait", Limit);
            List<int> left = [.. Enumerable.Range(first, Math.Min(Chunk, Tasks - first))];
            long begun = TimeProvider.System.GetTimestamp();
            while ((left = await TrySendAsync(http, url, left)).Count > 0)
            {
                Assert.True(TimeProvider.System.GetElapsedTime(begun) < Limit, "tasks cannot be sent");
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
            }
        }
    }

    // What is left to send again: all, where nothing is known.
    private async Task<List<int>> TrySendAsync(HttpClient http, string url, List<int> numbers)
    {
        string lines = string.Join('\n', numbers.Select(number => JsonSerializer.Serialize(new
        {
            type = "deliver-webhook",
            payload = new { url, headers = new Dictionary<string, string> { ["Idempotency-Key"] = number.ToString(CultureInfo.InvariantCulture) } },
        })));
        using StringContent body = new(lines, Encoding.UTF8, "application/x-ndjson");
        try
        {
            using HttpResponseMessage answer = await http.PostAsync(new Uri(_producers[numbers[0] / Chunk % _producers.Length].Address, "/tasks/batch"), body);
            if (answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests)
            {
                return numbers;
            }

            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            JsonElement json = await answer.Content.ReadFromJsonAsync<JsonElement>();
            HashSet<int> rejected = [.. json.GetProperty("rejected").EnumerateArray().Select(line => numbers[line.GetProperty("line").GetInt32() - 1])];
            foreach (int number in numbers.Where(number => !rejected.Contains(number)))
            {
                _ledger.Confirm(number.ToString(CultureInfo.InvariantCulture));
            }

            return [.. rejected];
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or TaskCanceledException)
        {
            return numbers;
        }
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class LongRunFactAttribute : FactAttribute
    {
        public LongRunFactAttribute() => Skip = Tasks > 0 ? new ClusterFactAttribute().Skip : "Takes most of an hour: WORKQUEUE_LONG_RUN=1000000 ./test.sh --filter LongRunTests.";
    }
}
