using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Messaging;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Deploy;

/// <summary>The compose file on a Docker engine: what a deployment goes through, with every run counted.</summary>
public sealed class ComposeTests(FaultReport report, ITestOutputHelper output) : IClassFixture<FaultReport>
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    // So many wait that workers always have something to do.
    private const int MostWaiting = 2000;

    private static readonly string[] Nodes = ["rabbitmq-1", "rabbitmq-2", "rabbitmq-3"];

    private readonly Ledger _ledger = new();
    private readonly int _tasks = int.Parse(Environment.GetEnvironmentVariable("WORKQUEUE_CHECK_TASKS") ?? "20000", CultureInfo.InvariantCulture);

    [ComposeFact]
    public async Task Nothing_is_lost_while_a_broker_is_killed_workers_come_and_go_and_all_is_upgraded_and_nothing_runs_twice_on_the_way_down()
    {
        string[] tags = ComposeFactAttribute.Tags;
        await using ComposeProject project = await ComposeProject.CreateAsync();
        await project.UpAsync(tags[0]);
        await using WebhookSink sink = await WebhookSink.StartAsync(_ledger, project.Gateway);
        using HttpClient producer = ClientOf(project);
        await Eventually.TrueAsync(async () => await IsHealthyAsync(producer), "the producer is healthy", Limit);
        await ShowsItsCareAsync(project);
        string[] leaders = await project.ControlAsync(Nodes[0], "list_queues", "name", "leader");
        Assert.True(leaders.Select(line => line.Split('\t')[1]).Distinct().Count() > 1, $"Queues are led from several nodes: {string.Join('\n', leaders)}");

        Task sending = SendAsync(producer, sink);
        await DoneAsync(0.1, sending);
        TimeSpan recovery = await KillLeaderAsync(project, sending);

        await project.UpAsync(tags[0], "--no-recreate", "--no-deps", "--scale", "worker=4", "worker");
        await DoneAsync(0.5, sending);
        int before = Duplicates();
        await project.UpAsync(tags[0], "--no-recreate", "--no-deps", "--scale", "worker=1", "worker");
        Assert.Single(await project.ContainersAsync("worker"));
        await DoneAsync(0.6, sending);
        Assert.Equal(before, Duplicates());

        await project.UpAsync(tags[1], "--no-deps", "--scale", "worker=3", "worker");
        await project.UpAsync(tags[1], "--no-deps", "--scale", "worker=3", "producer");
        await sending;
        await Eventually.TrueAsync(() => _ledger.AllDone, "all are done", Limit);
        foreach (string container in (string[])[.. await project.ContainersAsync("producer"), .. await project.ContainersAsync("worker")])
        {
            Assert.EndsWith($":{tags[1]}", (await ComposeProject.DockerAsync("inspect", "--format", "{{.Config.Image}}", container))[0], StringComparison.Ordinal);
        }

        Balance balance = _ledger.Close([], []);
        Assert.Equal(_tasks, balance.Confirmed);
        output.WriteLine($"{balance.Confirmed} tasks, {balance.Lost} lost, {balance.Duplicates} run twice ({before} of them before the workers went from 4 to 1, {Duplicates() - before} after); runs again {recovery.TotalSeconds:0.0} s after the leader was killed");
        report.Add("compose: the leader's node killed, workers 1 to 4 to 1, an upgrade", balance, string.Create(CultureInfo.InvariantCulture, $"runs again {recovery.TotalSeconds:0.0} s after the kill"));
    }

    // Not root, nothing to write to but what it was given, no privileges.
    private static async Task ShowsItsCareAsync(ComposeProject project)
    {
        foreach (string container in (string[])[.. await project.ContainersAsync("producer"), .. await project.ContainersAsync("worker")])
        {
            Assert.Equal("true [ALL] [no-new-privileges:true]", (await ComposeProject.DockerAsync("inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}", container))[0]);
            string[] processes = await ComposeProject.DockerAsync("top", container, "-eo", "pid,uid");
            Assert.All(processes[1..], line => Assert.EndsWith(" 1654", line.TrimEnd(), StringComparison.Ordinal));
        }
    }

    private async Task<TimeSpan> KillLeaderAsync(ComposeProject project, Task sending)
    {
        string line = (await project.ControlAsync(Nodes[0], "list_queues", "name", "leader")).Single(row => row.StartsWith("wq.default\t", StringComparison.Ordinal));
        string container = (await project.ContainersAsync(line.Split('\t')[1].Split('@')[1].Trim()))[0];
        await ComposeProject.DockerAsync("kill", container);
        long killed = TimeProvider.System.GetTimestamp();
        // What was on its way when the node died ends within a moment; what comes after it is work that goes on without the node.
        int done = _ledger.Succeeded + MostWaiting;
        await Eventually.TrueAsync(() => sending.IsFaulted || _ledger.Succeeded > done, "work goes on without the node", Limit);
        await sending.WaitAsync(TimeSpan.Zero).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Without a run: the time that callers and workers needed to find another node, and the queue another leader.
        TimeSpan recovery = _ledger.LongestPauseSince(killed);
        await ComposeProject.DockerAsync("start", container);
        return recovery;
    }

    private int Duplicates() => _ledger.Close([], []).Duplicates;

    private async Task DoneAsync(double share, Task sending)
    {
        await Eventually.TrueAsync(() => sending.IsFaulted || _ledger.Succeeded >= share * _tasks, $"{share:P0} are done", Limit);
        if (sending.IsFaulted)
        {
            await sending;
        }
    }

    private Task SendAsync(HttpClient producer, WebhookSink sink) => Parallel.ForEachAsync(
        Enumerable.Range(1, _tasks),
        new ParallelOptions { MaxDegreeOfParallelism = 32 },
        async (number, stopping) =>
        {
            await Eventually.TrueAsync(() => _ledger.Confirmed - _ledger.Succeeded < MostWaiting, "fewer wait", Limit);
            NewTask task = sink.CallBrief();
            long begun = TimeProvider.System.GetTimestamp();
            // Until it is confirmed, as a caller does that must not lose it: the key makes one task of all tries.
            while (await TrySendAsync(producer, task, number, stopping) is not { } id || !Confirm(id))
            {
                Assert.True(TimeProvider.System.GetElapsedTime(begun) < Limit, "a task cannot be sent");
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, stopping);
            }
        });

    private bool Confirm(string id)
    {
        _ledger.Confirm(id);
        return true;
    }

    private static async Task<string?> TrySendAsync(HttpClient producer, NewTask task, int number, CancellationToken stopping)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "/tasks")
        {
            Content = JsonContent.Create(new { type = task.Type, payload = JsonSerializer.Deserialize<JsonElement>(task.Body.Span) }),
            Headers = { { "Idempotency-Key", string.Create(CultureInfo.InvariantCulture, $"check-{number}") } },
        };
        try
        {
            using HttpResponseMessage answer = await producer.SendAsync(request, stopping);
            if (answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests)
            {
                return null;
            }

            string body = await answer.Content.ReadAsStringAsync(stopping);
            Assert.True(answer.StatusCode == HttpStatusCode.Accepted, $"{(int)answer.StatusCode}: {body}");
            return JsonDocument.Parse(body).RootElement.GetProperty("id").GetString();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static async Task<bool> IsHealthyAsync(HttpClient producer)
    {
        try
        {
            return (await producer.GetAsync("/health")).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static HttpClient ClientOf(ComposeProject project)
    {
        HttpClient client = new() { BaseAddress = new Uri($"http://localhost:{project.Port}"), Timeout = TimeSpan.FromSeconds(100) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", project.ApiKey);
        return client;
    }
}
