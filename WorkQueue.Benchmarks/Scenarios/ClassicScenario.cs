using System.Globalization;
using WorkQueue.Benchmarks.Contenders;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>Beside Celery, whose release in Debian knows no quorum queues.</summary>
internal static class ClassicScenario
{
    private const string Raw = "raw client";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        RawClient raw = new(stage) { IsClassic = true };
        Ours ours = new(stage) { IsClassic = true };
        yield return Enqueue(stage, raw, ours, callers: 64, bytes: 100);
        foreach (int slots in stage.Pick<int[]>([1, 4], [4]))
        {
            yield return Process(stage, raw, ours, slots);
        }
    }

    private static Comparison Enqueue(Stage stage, RawClient raw, Ours ours, int callers, int bytes)
    {
        TimeSpan time = stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
        string payload = new('x', bytes);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Enqueue, {callers} callers, {bytes:N0} bytes, classic queues"), ["confirmed tasks/s"],
        [
            new(Raw, async () => [await raw.EnqueueRateAsync(callers, payload, time)]),
            new("ours, History=off", async () => [await ours.EnqueueRateAsync(callers, payload, time)]) { Against = [Raw] },
            CeleryPeer.Enqueue(stage, 1, bytes, time) with { Against = [Raw] },
            CeleryPeer.Enqueue(stage, 8, bytes, time) with { Against = [Raw] },
        ])
        { Note = "Celery: confirm_publish, and a connection of its pool for each thread. 8 threads are about its best here; more, which share one interpreter lock, are slower." };
    }

    private static Comparison Process(Stage stage, RawClient raw, Ours ours, int slots)
    {
        int count = stage.Pick(10_000, 500);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Process, {Stage.Count(slots, "slot")}, prefetch 1, classic queues"), ["tasks/s"],
        [
            new(Raw, async () => [await raw.ProcessRateAsync(slots, count)]),
            new("ours, History=off", async () => [await ours.ProcessRateAsync(slots, count)]) { Against = [Raw] },
            CeleryPeer.Process(stage, slots, count) with { Against = [Raw] },
        ])
        { Note = "Celery: acks_late, prefetch multiplier 1, no results, gossip or events, its default pool of processes. Its pool of threads stood still with acks_late (5.2.6)." };
    }
}
