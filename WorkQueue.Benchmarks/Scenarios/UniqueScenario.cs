using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What a key costs its task.</summary>
internal static class UniqueScenario
{
    private const int Callers = 64;
    private const int Slots = 4;
    private const string Plain = "ours, no key";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        yield return Enqueue(stage);
        yield return Run(stage);
    }

    private static Comparison Enqueue(Stage stage)
    {
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(0.6), TimeSpan.FromSeconds(0.4));
        OurWorkflows ours = new(stage, HistoryMode.All);
        HangfirePeer hangfire = new(stage);
        return new Comparison("Enqueue a task with a key, 100 bytes", [Figure(Callers), Figure(1)],
        [
            Of(Plain, _ => null),
            Of("ours, keys all different", number => number.ToString(CultureInfo.InvariantCulture)) with { Against = [Plain] },
            Of("ours, one key, which is held: skipped", _ => "held") with { Against = [Plain] },
            new("Hangfire on PostgreSQL, no key", () => hangfire.EnqueueRatesAsync(Callers, time)) { Against = [Plain], Missing = hangfire.Missing },
        ])
        {
            Note = "With history. Ours: confirmed, a key by the log of the program that leads as well, before the call returns. Hangfire: committed before it returns, "
                + "with a thread for each caller; it has no keys.",
        };

        Contender Of(string name, Func<int, string?> key) => new(name, () => ours.EnqueueRatesAsync(Callers, time, key));
    }

    private static Comparison Run(Stage stage)
    {
        int count = stage.Pick(1_000, 400);
        OurWorkflows ours = new(stage, HistoryMode.All);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Enqueue and run {count:N0} tasks with a key, {Slots} slots"), ["tasks/s"],
        [
            new(Plain, async () => [await ours.KeysAsync(Slots, Callers, count, hasKey: false)]),
            new("ours, keys all different", async () => [await ours.KeysAsync(Slots, Callers, count, hasKey: true)]) { Against = [Plain] },
        ])
        { Note = "With history. From the first enqueue until all are done; the end of each is told to the program that leads, and confirmed, before its acknowledgement." };
    }

    private static string Figure(int callers) => $"tasks/s, {Stage.Count(callers, "caller")}";
}
