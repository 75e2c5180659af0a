using System.Globalization;
using System.Text;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How fast tasks are confirmed.</summary>
internal static class EnqueueScenario
{
    private static readonly string[] Figures = ["confirmed tasks/s"];

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        foreach ((int callers, int bytes) in stage.Pick<(int, int)[]>([(1, 100), (8, 100), (64, 100), (64, 10_000)], [(64, 100)]))
        {
            yield return Confirms(stage, callers, bytes);
        }

        yield return Batches(stage);
    }

    private static Comparison Confirms(Stage stage, int callers, int bytes)
    {
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        string payload = new('x', bytes);
        byte[] body = Encoding.UTF8.GetBytes(payload);
        RawClient raw = new(stage, history: false), rawHistory = new(stage, history: true);
        Ours off = new(stage, HistoryMode.Off), all = new(stage, HistoryMode.All);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Enqueue, {callers} callers, {bytes:N0} bytes"), Figures,
        [
            new("raw client", () => RawAsync(raw)),
            new("ours, History=off", () => OursAsync(off)) { Against = "raw client" },
            new("raw client and stream", () => RawAsync(rawHistory)),
            new("ours, History=all", () => OursAsync(all)) { Against = "raw client and stream" },
            new("MassTransit", async () => [await MassTransitPeer.SendAsync(stage, callers, payload, time)]) { Against = "raw client" },
            .. PythonPeers.Enqueue(stage, callers, bytes, time),
        ]);

        async Task<double[]> RawAsync(RawClient client)
        {
            await client.PrepareAsync();
            return [await client.PublishAsync(callers, body, time)];
        }

        async Task<double[]> OursAsync(Ours ours)
        {
            await ours.PrepareAsync();
            return [await ours.EnqueueAsync(callers, payload, time)];
        }
    }

    private static Comparison Batches(Stage stage)
    {
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        Ours off = new(stage, HistoryMode.Off);
        string payload = new('x', 100);
        return new Comparison("Enqueue, one caller: one at a time, and in batches of 1,000", Figures,
        [
            new("one at a time", async () =>
            {
                await off.PrepareAsync();
                return [await off.EnqueueAsync(1, payload, time)];
            }),
            new("EnqueueManyAsync", async () =>
            {
                await off.PrepareAsync();
                return [await off.EnqueueManyAsync(1_000, payload, time)];
            }) { Against = "one at a time" },
        ]);
    }
}
