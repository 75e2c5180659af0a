using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How long a load of light and heavy tasks takes as a whole, against the time it would take if no slot were ever idle: what prefetch costs.</summary>
internal static class MixedScenario
{
    private const int Slots = 4;

    private static readonly string[] Figures = ["makespan s", "of the ideal"];

    public static IEnumerable<Comparison> Mixed(Stage stage)
    {
        foreach (int count in stage.Pick<int[]>([60, 400], [60]))
        {
            int[] milliseconds = Durations(count, longest: 400);
            double ideal = Ideal(milliseconds);
            yield return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Mixed load: {count} tasks of 1 to 400 ms, {Slots} slots"), Figures,
                Contenders(stage, async subject =>
                {
                    await subject.PrepareAsync();
                    await subject.FillAsync(count, number => Text(milliseconds[number]), callers: 1);
                    Tally tally = new(count);
                    await subject.ConsumeAsync(Slots, tally, payload => WaitAsync(payload, tally));
                    return [tally.Makespan, tally.Makespan / ideal];
                }))
            { Note = Seconds(ideal) };
        }
    }

    public static IEnumerable<Comparison> Adversarial(Stage stage)
    {
        int[] milliseconds = [.. Enumerable.Repeat(200, stage.Pick(40, 16))];
        double ideal = Ideal(milliseconds);
        foreach (int light in stage.Pick<int[]>([1_000, 20_000], [1_000]))
        {
            yield return new Comparison(
                string.Create(CultureInfo.InvariantCulture, $"Adversarial load: {light:N0} tasks of nothing, then {milliseconds.Length} of 200 ms, {Slots} slots"), Figures,
                Contenders(stage, async subject =>
                {
                    await subject.FillNoopsAsync(light);
                    await subject.FillAsync(milliseconds.Length, number => Text(milliseconds[number]), callers: 1);
                    Tally tally = new(light + milliseconds.Length);
                    await subject.ConsumeAsync(Slots, tally, payload => payload[0] == 'x' ? Task.CompletedTask : WaitAsync(payload, tally));
                    return [tally.Makespan, tally.Makespan / ideal];
                }))
            { Note = $"From the first long task on. {Seconds(ideal)}" };
        }
    }

    private static IReadOnlyList<Contender> Contenders(Stage stage, Func<ISubject, Task<double[]>> measure)
    {
        const string One = "ours, prefetch 1";
        return
        [
            new("raw client, prefetch 1", () => measure(new RawClient(stage))),
            new("raw client, prefetch 32", () => measure(new RawClient(stage) { Prefetch = 32 })) { Against = ["raw client, prefetch 1"] },
            new(One, () => measure(new Ours(stage))) { Against = ["raw client, prefetch 1"] },
            new("ours, adaptive", () => measure(new Ours(stage, HistoryMode.Off, Ours.Adaptive))) { Against = [One] },
        ];
    }

    // Many light ones and few heavy ones, the same in each run: evenly spread on a logarithmic scale.
#pragma warning disable CA5394 // Repeatable is what they have to be.
    private static int[] Durations(int count, int longest)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, count).Select(_ => (int)Math.Round(Math.Pow(longest, random.NextDouble())))];
    }
#pragma warning restore CA5394

    private static double Ideal(int[] milliseconds) => Math.Max(milliseconds.Max(), (double)milliseconds.Sum() / Slots) / 1000;

    private static Task WaitAsync(string milliseconds, Tally tally)
    {
        tally.Begin();
        return Task.Delay(TimeSpan.FromMilliseconds(int.Parse(milliseconds, CultureInfo.InvariantCulture)), TimeProvider.System);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(double ideal) =>
        string.Create(CultureInfo.InvariantCulture, $"The ideal is {ideal:0.00} s: all slots busy until the end.");
}
