using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How fast tasks that do nothing are run, at prefetch 1.</summary>
internal static class ProcessScenario
{
    public static IEnumerable<Comparison> Of(Stage stage)
    {
        int count = stage.Pick(10_000, 1_000);
        foreach (int slots in stage.Pick<int[]>([1, 4, 16], [4]))
        {
            RawClient raw = new(stage, history: false), rawHistory = new(stage, history: true);
            Ours off = new(stage, HistoryMode.Off), all = new(stage, HistoryMode.All);
            yield return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Process, {slots} slots, prefetch 1"), ["tasks/s"],
            [
                new("raw client", () => RawAsync(raw, slots, count)),
                new("ours, History=off", () => OursAsync(off, slots, count)) { Against = "raw client" },
                new("raw client and stream", () => RawAsync(rawHistory, slots, count)),
                new("ours, History=all", () => OursAsync(all, slots, count)) { Against = "raw client and stream" },
                new("MassTransit", async () => [await MassTransitPeer.ConsumeAsync(stage, slots, count)]) { Against = "raw client" },
                .. PythonPeers.Consume(stage, slots, count),
            ]);
        }
    }

    public static async Task<double[]> RawAsync(RawClient client, int slots, int count, ushort prefetch = 1)
    {
        await client.PrepareAsync();
        await client.FillAsync(count, new byte[100]);
        Tally tally = new(count);
        await client.ConsumeAsync(slots, prefetch, tally);
        return [tally.Rate];
    }

    public static async Task<double[]> OursAsync(Ours ours, int slots, int count, params (string, string)[] settings)
    {
        string payload = new('x', 100);
        await ours.PrepareAsync();
        await ours.FillAsync(count, _ => payload);
        Tally tally = new(count);
        await ours.ConsumeAsync(slots, tally, null, settings);
        return [tally.Rate];
    }
}
