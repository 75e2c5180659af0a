using System.Globalization;
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
        TimeSpan time = Time(stage);
        string payload = new('x', bytes);
        HangfirePeer hangfire = new(stage);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Enqueue, {Stage.Count(callers, "caller")}, {bytes:N0} bytes"), Figures,
        [
            Of("raw client", new RawClient(stage)),
            Of("raw client, labelled", new RawClient(stage) { IsLabelled = true }) with { Against = ["raw client"] },
            Of("ours, History=off", new Ours(stage)) with { Against = ["raw client", "raw client, labelled"] },
            Of("raw client and stream", new RawClient(stage, history: true)),
            Of("ours, History=all", new Ours(stage, HistoryMode.All)) with { Against = ["raw client and stream"] },
            new("MassTransit", async () => [await MassTransitPeer.SendAsync(stage, callers, payload, time)]) { Against = ["raw client"] },
            new WolverinePeer(stage, isDurable: false).Enqueue(callers, payload, time) with { Against = ["raw client"] },
            new WolverinePeer(stage, isDurable: true).Enqueue(callers, payload, time) with { Against = ["raw client"] },
            new("Hangfire", async () => [await hangfire.EnqueueRateAsync(callers, payload, time)]) { Against = ["raw client"], Missing = hangfire.Missing },
            BullMqPeer.Enqueue(stage, callers, bytes, time) with { Against = ["raw client"] },
            PikaPeer.Enqueue(stage, callers, bytes, time),
        ])
        {
            Note = "Each call returns when its task is safe: confirmed by a quorum queue, or committed by PostgreSQL (Wolverine durable, Hangfire), or on the disk of Redis (BullMQ). "
                + "Hangfire has a thread for each caller, BullMQ one process of Node.js. Labelled, the raw client's messages have an id of their own, a time and three headers, as ours.",
        };

        Contender Of(string name, ISubject subject) => new(name, async () => [await subject.EnqueueRateAsync(callers, payload, time)]);
    }

    private static Comparison Batches(Stage stage)
    {
        TimeSpan time = Time(stage);
        Ours off = new(stage);
        string payload = new('x', 100);
        return new Comparison("Enqueue, one caller: one at a time, and in batches of 1,000", Figures,
        [
            new("one at a time", async () => [await off.EnqueueRateAsync(1, payload, time)]),
            new("EnqueueManyAsync", async () =>
            {
                await off.PrepareAsync();
                double rate = await off.EnqueueManyAsync(1_000, payload, time);
                await off.ClearAsync();
                return [rate];
            }) { Against = ["one at a time"] },
        ]);
    }

    private static TimeSpan Time(Stage stage) => stage.Pick(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(0.5));
}
