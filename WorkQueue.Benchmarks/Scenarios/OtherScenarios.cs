using System.Diagnostics;
using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>Latency, and what history, tracing, backlog and more slots cost or bring.</summary>
internal static class OtherScenarios
{
    public static IEnumerable<Comparison> Latency(Stage stage)
    {
        int count = stage.Pick(2_000, 100);
        TimeSpan pause = TimeSpan.FromMilliseconds(3);
        RawClient raw = new(stage, history: false);
        Ours off = new(stage, HistoryMode.Off), all = new(stage, HistoryMode.All);
        yield return new Comparison("Latency from enqueue to handler, one task each 3 ms", ["p50 ms", "p99 ms", "p99.9 ms"],
        [
            new("raw client", async () =>
            {
                await raw.PrepareAsync();
                return await raw.LatencyAsync(count, pause);
            }),
            new("ours, History=off", () => OursAsync(off)) { Against = "raw client" },
            new("ours, History=all", () => OursAsync(all)) { Against = "raw client" },
        ]);

        async Task<double[]> OursAsync(Ours ours)
        {
            await ours.PrepareAsync();
            return await ours.LatencyAsync(count, pause);
        }
    }

    public static IEnumerable<Comparison> History(Stage stage)
    {
        int count = stage.Pick(10_000, 1_000);
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        HistoryMode[] modes = [HistoryMode.Off, HistoryMode.Failures, HistoryMode.All];
        yield return new Comparison("Cost of the history: 64 callers, then 4 slots", ["enqueued/s", "processed/s"], [.. modes.Select(mode =>
        {
            Ours ours = new(stage, mode);
            return new Contender($"History={mode}".ToLowerInvariant(), async () =>
            {
                await ours.PrepareAsync();
                double enqueued = await ours.EnqueueAsync(64, new string('x', 100), time);
                return [enqueued, .. await ProcessScenario.OursAsync(ours, 4, count)];
            }) { Against = mode == HistoryMode.Off ? null : "history=off" };
        })]);
    }

    public static IEnumerable<Comparison> Tracing(Stage stage)
    {
        int count = stage.Pick(10_000, 1_000);
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        Ours off = new(stage, HistoryMode.Off);
        yield return new Comparison("Cost of tracing: 64 callers, then 4 slots", ["enqueued/s", "processed/s"],
        [
            new("nobody listens", RunAsync),
            new("every span recorded", async () =>
            {
                using ActivityListener listener = new()
                {
                    ShouldListenTo = source => source.Name == "WorkQueue",
                    Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                };
                ActivitySource.AddActivityListener(listener);
                return await RunAsync();
            }) { Against = "nobody listens" },
        ])
        { Note = "Without an exporter: what is sent where is not this queue's cost." };

        async Task<double[]> RunAsync()
        {
            await off.PrepareAsync();
            double enqueued = await off.EnqueueAsync(64, new string('x', 100), time);
            return [enqueued, .. await ProcessScenario.OursAsync(off, 4, count)];
        }
    }

    public static IEnumerable<Comparison> Scaling(Stage stage)
    {
        const int Milliseconds = 20;
        int perSlot = stage.Pick(150, 20);
        Ours off = new(stage, HistoryMode.Off);
        yield return new Comparison("Tasks that wait 20 ms, by slots", ["tasks/s for each slot"], [.. stage.Pick<int[]>([1, 2, 4, 8, 16], [1, 4]).Select(slots =>
            new Contender(string.Create(CultureInfo.InvariantCulture, $"{slots} slots"), async () =>
            {
                await off.PrepareAsync();
                await off.FillAsync(perSlot * slots, _ => "");
                Tally tally = new(perSlot * slots);
                await off.ConsumeAsync(slots, tally, _ => Task.Delay(TimeSpan.FromMilliseconds(Milliseconds), TimeProvider.System));
                return [tally.Rate / slots];
            }) { Against = slots == 1 ? null : "1 slots" })])
        { Note = "The ratio is the share of linear scaling." };
    }

    public static IEnumerable<Comparison> Backlog(Stage stage)
    {
        Ours off = new(stage, HistoryMode.Off);
        yield return new Comparison("Drain rate by backlog, 4 slots", ["tasks/s"], [.. stage.Pick<int[]>([10_000, 1_000_000], [1_000, 10_000]).Select((count, index) =>
            new Contender(string.Create(CultureInfo.InvariantCulture, $"{count:N0} tasks"), () => ProcessScenario.OursAsync(off, 4, count))
            {
                Against = index == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{stage.Pick(10_000, 1_000):N0} tasks"),
            })]);
    }
}
