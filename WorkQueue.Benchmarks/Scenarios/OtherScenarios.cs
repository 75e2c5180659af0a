using System.Diagnostics;
using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>Latency, and what history, tracing and more slots cost or bring.</summary>
internal static class OtherScenarios
{
    public static IEnumerable<Comparison> Latency(Stage stage)
    {
        int count = stage.Pick(4_000, 100);
        TimeSpan pause = TimeSpan.FromMilliseconds(3);
        yield return new Comparison("Latency from enqueue to handler, one task each 3 ms", ["p50 ms", "p99 ms", "p99.9 ms"],
        [
            Of("raw client", new RawClient(stage)),
            Of("ours, History=off", new Ours(stage)) with { Against = ["raw client"] },
            Of("ours, History=all", new Ours(stage, HistoryMode.All)) with { Against = ["raw client"] },
        ])
        { Note = string.Create(CultureInfo.InvariantCulture, $"The second half of {count:N0} tasks; in the first one a program still compiles its code.") };

        Contender Of(string name, ISubject subject) => new(name, async () =>
        {
            await subject.PrepareAsync();
            return await subject.LatencyAsync(count, pause);
        });
    }

    public static IEnumerable<Comparison> History(Stage stage)
    {
        int count = stage.Pick(10_000, 1_000);
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        HistoryMode[] modes = [HistoryMode.Off, HistoryMode.Failures, HistoryMode.All];
        yield return new Comparison("Cost of the history: 64 callers, then 4 slots", ["enqueued/s", "processed/s"], [.. modes.Select(mode =>
        {
            Ours ours = new(stage, mode);
            return new Contender(
                $"History={mode}".ToLowerInvariant(),
                async () => [await ours.EnqueueRateAsync(64, new string('x', 100), time), await ours.ProcessRateAsync(4, count)])
            { Against = mode == HistoryMode.Off ? [] : ["history=off"] };
        })]);
    }

    public static IEnumerable<Comparison> Tracing(Stage stage)
    {
        int count = stage.Pick(10_000, 1_000);
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        Ours off = new(stage);
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
            }) { Against = ["nobody listens"] },
        ])
        { Note = "Without an exporter: what is sent where is not this queue's cost." };

        async Task<double[]> RunAsync() => [await off.EnqueueRateAsync(64, new string('x', 100), time), await off.ProcessRateAsync(4, count)];
    }

    public static IEnumerable<Comparison> Scaling(Stage stage)
    {
        const int Milliseconds = 20;
        int perSlot = stage.Pick(150, 20);
        Ours off = new(stage);
        yield return new Comparison("Tasks that wait 20 ms, by slots", ["tasks/s for each slot"], [.. stage.Pick<int[]>([1, 2, 4, 8, 16], [1, 4]).Select(slots =>
            new Contender(Stage.Count(slots, "slot"), async () =>
            {
                await off.PrepareAsync();
                await off.FillAsync(perSlot * slots, _ => "");
                Tally tally = new(perSlot * slots);
                await off.ConsumeAsync(slots, tally, _ => Task.Delay(TimeSpan.FromMilliseconds(Milliseconds), TimeProvider.System));
                return [tally.Rate / slots];
            }) { Against = slots == 1 ? [] : ["1 slot"] })])
        { Note = "The ratio is the share of linear scaling." };
    }
}
