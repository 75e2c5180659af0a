using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Servers;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What becomes of the rates as there is more of something.</summary>
internal static class GrowthScenario
{
    public const string Queues = "Growth: queues, 64 callers, 4 slots";
    public const string Slots = "Growth: slots, prefetch 1";
    public const string Backlog = "Drain rate by backlog, 4 slots";
    public const string History = "Growth: history read by a producer that has no file of it";

    public static IEnumerable<Comparison> OfBacklog(Stage stage)
    {
        Ours off = new(stage);
        int drained = stage.Pick(100_000, 500);
        yield return new Comparison(Backlog, ["tasks/s"], [.. Rows(stage.Pick<int[]>([10_000, 100_000, 1_000_000, 10_000_000], [500, 5_000]), "task", async count =>
        {
            await off.FillNoopsAsync(count);
            Tally tally = new(Math.Min(count, drained));
            await off.ConsumeAsync(4, tally);
            await off.ClearAsync();
            return [tally.Rate];
        })])
        { Note = string.Create(CultureInfo.InvariantCulture, $"Of the first {drained:N0}, or of all. Without history.") };
    }

    public static IEnumerable<Comparison> OfSlots(Stage stage)
    {
        int count = stage.Pick(20_000, 1_000);
        Ours off = new(stage);
        yield return new Comparison(Slots, ["tasks/s"], [.. Rows(stage.Pick<int[]>([1, 2, 4, 8, 16, 32, 64], [1, 8]), "slot", async slots => [await off.ProcessRateAsync(slots, count, warmUp: count / 4)])])
        { Note = "Tasks that do nothing, in one process, without history." };
    }

    public static IEnumerable<Comparison> OfQueues(Stage stage)
    {
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(0.5));
        int tasks = stage.Pick(20_000, 1_000);
        yield return new Comparison(Queues, ["enqueued/s", "run/s"], [.. Rows(stage.Pick<int[]>([1, 10, 100, 1_000], [1, 10]), "queue", async count =>
        {
            Ours ours = new(stage) { Queues = count, Use = string.Create(CultureInfo.InvariantCulture, $"growth-{count}") };
            double enqueued = await ours.EnqueueRateAsync(64, new string('x', 100), time), run = await ours.ProcessRateAsync(4, tasks, warmUp: tasks / 4);
            await ours.DeleteQueuesAsync();
            return [enqueued, run];
        })])
        { Note = "Each has its dead-letter queue; tasks go to them in turn; a slot takes from the first that has some, and every tenth time from another. Without history." };
    }

    public static IEnumerable<Comparison> OfHistory(Stage stage)
    {
        yield return new Comparison(History, ["records/s", "ms a page"], [.. Rows(stage.Pick<int[]>([100_000, 1_000_000, 5_000_000], [1_000, 5_000]), "record", async count =>
        {
            Ours ours = new(stage, HistoryMode.All) { Use = "growth-history" };
            await ours.FillNoopsAsync(count);
            await ours.ClearAsync();
            long start = Stopwatch.GetTimestamp();
            await using WebProgram program = await WebProgram.ProducerAsync(ours);
            using HttpClient http = new() { BaseAddress = new Uri(program.Url) };
            await ReadAsync(http);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double page = await PageAsync(http);
            await ours.DeleteHistoryAsync();
            return [count / seconds, page];
        })])
        { Note = "From the start of the process until all is read, into a file on the disk; then the median time of a page of its list." };
    }

    /// <summary>A row for each count, set against the first.</summary>
    public static IEnumerable<Contender> Rows(int[] counts, string what, Func<int, Task<double[]>> measure) =>
        counts.Select(count => new Contender(Name(count, what), () => measure(count)) { Against = count == counts[0] ? [] : [Name(counts[0], what)] });

    private static async Task ReadAsync(HttpClient http)
    {
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(50));
        JsonElement stats;
        do
        {
            await timer.WaitForNextTickAsync();
            stats = await http.GetFromJsonAsync<JsonElement>("/stats");
        }
        while (stats.GetProperty("history").GetProperty("state").GetString() != "live");
    }

    private static async Task<double> PageAsync(HttpClient http)
    {
        List<double> times = [];
        while (times.Count < 21)
        {
            long start = Stopwatch.GetTimestamp();
            using HttpResponseMessage page = await http.GetAsync("/tasks");
            page.EnsureSuccessStatusCode();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return times.Order().ElementAt(times.Count / 2);
    }

    private static string Name(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {what}{(count == 1 ? "" : "s")}");
}
