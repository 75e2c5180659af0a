using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What each task costs the garbage collector.</summary>
internal static class AllocationsScenario
{
    private const string Raw = "raw client", RawStream = "raw client and stream";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        int count = stage.Pick(20_000, 1_000);
        yield return new Comparison("Allocated bytes for each task, 100 bytes, 4 slots, prefetch 1", ["enqueued", "processed"],
        [
            Of(Raw, new RawClient(stage)),
            Of("ours, History=off", new Ours(stage)) with { Against = [Raw] },
            Of(RawStream, new RawClient(stage, history: true)),
            Of("ours, History=all", new Ours(stage, HistoryMode.All)) with { Against = [RawStream] },
        ])
        { Note = "Of the whole process, the client's own included, by 64 callers and without the first half, which warms up." };

        Contender Of(string name, ISubject subject) => new(name, async () => [await EnqueuedAsync(subject, count), await ProcessedAsync(subject, count)]);
    }

    private static async Task<double> EnqueuedAsync(ISubject subject, int count)
    {
        await subject.PrepareAsync();
        double bytes = await subject.EnqueueAsync(new string('x', 100), async enqueue =>
        {
            await Load.TimesAsync(64, count / 2, enqueue);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await Load.TimesAsync(64, count / 2, enqueue);
            return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / (count / 2);
        });
        await subject.ClearAsync();
        return bytes;
    }

    private static async Task<double> ProcessedAsync(ISubject subject, int count)
    {
        await subject.FillNoopsAsync(count);
        Tally tally = new(count, warmUp: count / 2) { CountsBytes = true };
        await subject.ConsumeAsync(4, tally);
        return tally.BytesEach;
    }
}
