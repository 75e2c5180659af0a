using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What each task costs its program.</summary>
internal static class CostScenario
{
    private const string Raw = "raw client", RawStream = "raw client and stream";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        int count = stage.Pick(20_000, 1_000);
        yield return new Comparison("Cost of each task, 100 bytes, 4 slots, prefetch 1", ["bytes, enqueued", "µs, enqueued", "bytes, run", "µs, run"],
        [
            Of(Raw, new RawClient(stage)),
            Of("raw client, labelled", new RawClient(stage) { IsLabelled = true }) with { Against = [Raw] },
            Of("ours, History=off", new Ours(stage)) with { Against = [Raw, "raw client, labelled"] },
            Of(RawStream, new RawClient(stage, history: true)),
            Of("ours, History=all", new Ours(stage, HistoryMode.All)) with { Against = [RawStream] },
        ])
        { Note = "Bytes allocated and processor time of the whole process, the client's own included, by 64 callers and without the first half, which warms up." };

        Contender Of(string name, ISubject subject) => new(name, async () =>
        {
            Cost enqueued = await EnqueuedAsync(subject, count), run = await RunAsync(subject, count);
            return [enqueued.Bytes, enqueued.Microseconds, run.Bytes, run.Microseconds];
        });
    }

    private static async Task<Cost> EnqueuedAsync(ISubject subject, int count)
    {
        Cost each = default;
        await subject.PrepareAsync();
        await subject.EnqueueAsync(new string('x', 100), async enqueue =>
        {
            await Load.TimesAsync(64, count / 2, enqueue);
            Cost before = Cost.Now();
            await Load.TimesAsync(64, count / 2, enqueue);
            each = Cost.Now().Since(before, count / 2);
            return 0;
        });
        await subject.ClearAsync();
        return each;
    }

    private static async Task<Cost> RunAsync(ISubject subject, int count)
    {
        await subject.FillNoopsAsync(count);
        Tally tally = new(count, warmUp: count / 2) { CountsCost = true };
        await subject.ConsumeAsync(4, tally);
        return tally.CostEach;
    }
}
