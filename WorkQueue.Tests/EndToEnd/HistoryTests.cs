using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>What is known of the tasks outlives the producer.</summary>
[Collection(OwnSystemTests.Name)]
public sealed class HistoryTests
{
    private static readonly string[] PendingStates = ["scheduled", "queued", "running", "retrying"];

    [AppHostFact]
    public async Task A_producer_killed_under_load_knows_every_confirmed_task_when_it_is_back_and_its_totals_add_up()
    {
        await using TestApp app = await TestApp.StartAsync("Broker:Mode=local", "Workers=2", "Worker:Concurrency=4", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25");
        HashSet<string> confirmed = [];
        using CancellationTokenSource enough = new();
        Task load = LoadAsync(app, confirmed, enough.Token);
        await Eventually.TrueAsync(() => Count(confirmed) >= 300, "300 tasks are confirmed");
        await app.KillAsync("producer");
        await app.ExecuteAsync("producer", KnownResourceCommands.StartCommand);
        int before = Count(confirmed);
        await Eventually.TrueAsync(() => Count(confirmed) >= before + 100, "tasks are confirmed again");
        await enough.CancelAsync();
        await load;

        // As long as nothing is read nothing is pending either.
        await Eventually.TrueAsync(app.IsLiveAsync, "the history is read");
        await Eventually.TrueAsync(async () => Pending(await CountsAsync(app)) == 0, "every task has ended");
        JsonElement counts = await CountsAsync(app);
        long Of(string name) => counts.GetProperty(name).GetInt64();
        Assert.Equal(Of("confirmed"), Of("succeeded") + Of("deadLettered"));
        // More than were answered for: the answers to some that the broker confirmed died with the producer.
        Assert.InRange(Of("confirmed"), confirmed.Count, confirmed.Count + 20);
        Assert.True(Of("deadLettered") > 0);
        foreach (string id in confirmed)
        {
            using HttpResponseMessage task = await app.Producer.GetAsync($"/tasks/{id}");
            Assert.True(task.IsSuccessStatusCode, $"task {id} is known");
        }

        await app.KillAsync("producer");
        await app.ExecuteAsync("producer", KnownResourceCommands.StartCommand);
        await Eventually.TrueAsync(app.IsLiveAsync, "the history is replayed");
        Assert.Equal(counts.ToString(), (await CountsAsync(app)).ToString());
        await Eventually.TrueAsync(async () => (await StatsAsync(app)).GetProperty("broker").GetProperty("difference").ValueKind == JsonValueKind.Null, "broker and history agree");
    }

    // By a client of its own: Aspire's has a circuit breaker, which goes on refusing for a while what would be answered again.
    private static Task LoadAsync(TestApp app, HashSet<string> confirmed, CancellationToken enough) => Task.WhenAll(Enumerable.Range(0, 10).Select(async lane =>
    {
        using HttpClient producer = new() { BaseAddress = app.Producer.BaseAddress, Timeout = TimeSpan.FromSeconds(10) };
        for (int number = 0; !enough.IsCancellationRequested; number++)
        {
            try
            {
                using HttpResponseMessage answer = await producer.PostAsync("/tasks", new StringContent(number % 50 == 0 ? "fail" : $"{lane}/{number}"), CancellationToken.None);
                if (answer.IsSuccessStatusCode)
                {
                    string id = (await answer.Content.ReadFromJsonAsync<JsonElement>(CancellationToken.None)).GetProperty("id").GetString()!;
                    lock (confirmed)
                    {
                        confirmed.Add(id);
                    }
                }
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or TaskCanceledException)
            {
                // The producer is dead for a while.
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, CancellationToken.None);
            }
        }
    }));

    private static int Count(HashSet<string> set)
    {
        lock (set)
        {
            return set.Count;
        }
    }

    private static async Task<JsonElement> StatsAsync(TestApp app) => await app.Producer.GetFromJsonAsync<JsonElement>("/stats");

    private static async Task<JsonElement> CountsAsync(TestApp app) => (await StatsAsync(app)).GetProperty("counts");

    private static long Pending(JsonElement counts) => PendingStates.Sum(state => counts.GetProperty(state).GetInt64());
}
