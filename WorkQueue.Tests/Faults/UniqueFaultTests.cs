using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using RabbitMQ.Client;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Producers are killed while many callers ask for one task of each key.</summary>
[Collection(SideFaults.Name)]
public sealed class UniqueFaultTests(FaultBroker broker, FaultReport report)
{
    private const int Callers = 200;

    private static readonly int Keys = FaultSuite.IsLong ? 100 : 12;

    // By key, the ids that were answered.
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, int>> _answers = new(StringComparer.Ordinal);

    [FaultFact(Timeout = 300_000)]
    public async Task Two_hundred_callers_of_two_producers_that_are_killed_make_one_task_of_each_key()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await using Producers producers = new(broker.ConnectionString, queue.Prefix);
        await producers.StartAsync(0);
        await producers.StartAsync(1);
        using HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = Callers });
        for (int number = 0; number < Keys; number++)
        {
            string key = string.Create(CultureInfo.InvariantCulture, $"key-{number}");
            Task callers = Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => EnqueueAsync(http, producers, caller, key)));
            if (number % 4 == 1)
            {
                // The first of them is answered, the most are not.
                await Eventually.TrueAsync(() => _answers.TryGetValue(key, out ConcurrentDictionary<string, int>? ids) && !ids.IsEmpty, "the first answer");
                int leader = producers.Leading();
                await producers.KillAsync(leader);
                await producers.StartAsync(leader);
            }

            await callers;
        }

        Assert.Equal(Keys, _answers.Count);
        Assert.All(_answers, key => Assert.Single(key.Value));
        Assert.Equal(Keys * Callers, _answers.Sum(key => key.Value.Values.Sum()));
        string[] waiting = await TakeAsync(queue);
        HashSet<string> answered = [.. _answers.SelectMany(key => key.Value.Keys)];
        Assert.Equal(Keys, answered.Count);
        Assert.Equal(answered.Order(), waiting.Distinct().Order());
        report.Add(
            string.Create(CultureInfo.InvariantCulture, $"{Callers} callers of two producers, {producers.Killed} of which were killed while they led"),
            new Balance(Keys, Keys - waiting.Distinct().Count(), waiting.Length - waiting.Distinct().Count()), "one task of each key");
    }

    // As an honest client: it asks the other one until one of them answers.
    private async Task EnqueueAsync(HttpClient http, Producers producers, int caller, string key)
    {
        for (int attempt = caller; ; attempt++)
        {
            try
            {
                object task = new { type = "simulate", payload = new { text = $"by {caller}" }, unique = new { key } };
                using HttpResponseMessage answer = await http.PostAsJsonAsync(new Uri(producers.AddressOf(attempt % 2), "tasks"), task);
                if (answer.StatusCode == HttpStatusCode.Accepted)
                {
                    string id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
                    _answers.GetOrAdd(key, _ => new(StringComparer.Ordinal)).AddOrUpdate(id, 1, (_, count) => count + 1);
                    return;
                }

                Assert.Contains(answer.StatusCode, (HttpStatusCode[])[HttpStatusCode.ServiceUnavailable, HttpStatusCode.GatewayTimeout]);
            }
            catch (HttpRequestException)
            {
                // It was killed, or is not there yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    private static async Task<string[]> TakeAsync(FaultQueue queue)
    {
        List<string> ids = [];
        await using IConnection connection = await queue.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        while (await channel.BasicGetAsync($"{queue.Prefix}.default", autoAck: true) is { } message)
        {
            ids.Add(message.BasicProperties.MessageId!);
        }

        return [.. ids];
    }

    private sealed class Producers(string connectionString, string prefix) : IAsyncDisposable
    {
        private readonly WorkerProcess?[] _processes = new WorkerProcess?[2];
        private readonly Uri[] _addresses = new Uri[2];

        public int Killed { get; private set; }

        public Uri AddressOf(int number) => Volatile.Read(ref _addresses[number]);

        public async Task StartAsync(int number)
        {
            (_processes[number], Uri address) = await WorkerProcess.StartProducerAsync(connectionString, prefix);
            Volatile.Write(ref _addresses[number], address);
        }

        public async Task KillAsync(int number)
        {
            await _processes[number]!.DisposeAsync();
            Killed++;
        }

        /// <summary>One that has said that it leads, and is not dead.</summary>
        public int Leading() => Array.FindIndex(_processes, process => process!.Output.Any(line => line.Contains("This process leads", StringComparison.Ordinal)));

        public async ValueTask DisposeAsync()
        {
            foreach (WorkerProcess process in _processes.OfType<WorkerProcess>())
            {
                await process.DisposeAsync();
            }
        }
    }
}
