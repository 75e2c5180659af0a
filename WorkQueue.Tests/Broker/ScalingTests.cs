using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Messaging;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>How many workers a queue needs, asked of a producer as an autoscaler asks (docs/scaling.md).</summary>
[Collection(BrokerTests.Name)]
public sealed class ScalingTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_producer_asks_for_as_many_workers_as_start_what_waits_in_time()
    {
        const int Count = 80;
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "2"));
        await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, context.CancellationToken);
            return null;
        });
        ITaskQueue tasks = await queue.ProducerAsync();
        (WorkerProcess producer, Uri address) = await WorkerProcess.StartProducerAsync(broker.ConnectionString, queue.Prefix);
        await using WorkerProcess ends = producer;
        using HttpClient http = new() { BaseAddress = address };
        for (int number = 0; number < Count; number++)
        {
            await tasks.ProbeAsync();
        }

        await Eventually.TrueAsync(
            async () => await AskAsync(http, "00:10:00") is { } known && known.GetProperty("workers").GetInt32() == 1 && known.GetProperty("secondsPerTask").GetDouble() is >= 0.4 and < 0.9,
            "it knows how long a task takes");
        // Asked in another way it has no memory of what it did not know.
        JsonElement scaling = (await AskAsync(http, "00:00:02"))!.Value;
        double backlog = scaling.GetProperty("backlog").GetDouble();
        Assert.Equal(2, scaling.GetProperty("slotsPerWorker").GetDouble());
        Assert.InRange(scaling.GetProperty("arrivalPerSecond").GetDouble(), 0.1, Count / 60.0);
        // Within one second, half of the target: so many slots for what waits, and some for what comes.
        double slots = backlog * scaling.GetProperty("secondsPerTask").GetDouble();
        Assert.InRange(scaling.GetProperty("wanted").GetInt32(), Math.Floor(slots / 2), Math.Ceiling(slots / 2) + 2);
        Assert.Contains("wait, to be started within 00:00:02", scaling.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    // Null while it has not heard of the broker.
    private static async Task<JsonElement?> AskAsync(HttpClient http, string target)
    {
        using HttpResponseMessage answer = await http.GetAsync(new Uri($"/scaling?queue=default&target={target}", UriKind.Relative));
        return answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync<JsonElement>() : null;
    }
}
