using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Workers;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How fast tasks that do nothing are run: by slots, by prefetch, and in processes of their own.</summary>
internal static class ProcessScenario
{
    private const int Slots = 4;
    private static readonly string[] Figures = ["tasks/s"];

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        foreach (int slots in stage.Pick<int[]>([1, Slots, 16], [Slots]))
        {
            yield return AtPrefetchOne(stage, slots);
        }

        yield return ByPrefetch(stage);
        yield return InProcesses(stage);
    }

    private static Comparison AtPrefetchOne(Stage stage, int slots)
    {
        int count = stage.Pick(10_000, 1_000);
        // Some are too slow for as many.
        int fewer = count / 2, few = count / 10;
        HangfirePeer hangfire = new(stage);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Process, {Stage.Count(slots, "slot")}, prefetch 1"), Figures,
        [
            Of("raw client", new RawClient(stage)),
            Of("raw client, labelled", new RawClient(stage) { IsLabelled = true }) with { Against = ["raw client"] },
            Of("raw client, one channel", new RawClient(stage) { IsLabelled = true, SharesChannel = true }) with { Against = ["raw client"] },
            Of("ours, History=off", new Ours(stage)) with { Against = ["raw client", "raw client, labelled", "raw client, one channel"] },
            Of("raw client and stream", new RawClient(stage, history: true)),
            Of("ours, History=all", new Ours(stage, HistoryMode.All)) with { Against = ["raw client and stream"] },
            new("MassTransit", async () => [await MassTransitPeer.ConsumeAsync(stage, slots, count)]) { Against = ["raw client"] },
            new WolverinePeer(stage, isDurable: false).Process(slots, count) with { Against = ["raw client"] },
            new WolverinePeer(stage, isDurable: true).Process(slots, fewer) with { Against = ["raw client"] },
            new("Hangfire", async () => [await hangfire.ProcessRateAsync(slots, few)]) { Against = ["raw client"], Missing = hangfire.Missing },
            BullMqPeer.Process(stage, slots, fewer) with { Against = ["raw client"] },
            PikaPeer.Consume(stage, slots, count),
        ])
        {
            Note = "A task leaves its queue when it is done: acknowledged, or deleted from the tables of PostgreSQL (Hangfire) or from Redis (BullMQ), on the disk. Wolverine durable acknowledges "
                + "a message when it is in its tables of PostgreSQL, and marks it there when it is done. Of Wolverine, Hangfire and BullMQ the first quarter warms up, in .NET the rounds before.",
        };

        Contender Of(string name, ISubject subject) => new(name, async () => [await subject.ProcessRateAsync(slots, count)]);
    }

    private static Comparison ByPrefetch(Stage stage)
    {
        int count = stage.Pick(80_000, 2_000);
        const string RawOne = "raw client, prefetch 1", RawMany = "raw client, prefetch 32", OursOne = "ours, prefetch 1";
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Process, {Slots} slots, by prefetch"), Figures,
        [
            Of(RawOne, new RawClient(stage)),
            Of(OursOne, new Ours(stage)) with { Against = [RawOne] },
            Of(RawMany, new RawClient(stage) { Prefetch = 32 }) with { Against = [RawOne] },
            Of("raw client, prefetch 32, 8 acknowledged at once", new RawClient(stage) { Prefetch = 32, AtOnce = 8 }) with { Against = [RawMany] },
            Of("ours, adaptive", new Ours(stage, HistoryMode.Off, Ours.Adaptive)) with { Against = [OursOne, RawMany] },
        ])
        { Note = string.Create(CultureInfo.InvariantCulture, $"Without history, {count:N0} tasks each; the first half of them does not count, since a prefetch that adapts grows in it.") };

        Contender Of(string name, ISubject subject) => new(name, async () => [await subject.ProcessRateAsync(Slots, count, warmUp: count / 2)]);
    }

    private static Comparison InProcesses(Stage stage)
    {
        int count = stage.Pick(40_000, 2_000);
        Subject raw = Subject.Raw, ours = Subject.Ours;
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Process, {Slots} slots in all, in processes"), Figures,
        [
            new("raw client, in this process", () => HereAsync(raw)),
            new("ours, in this process", () => HereAsync(ours)) { Against = ["raw client, in this process"] },
            new("raw client, 1 process", () => ThereAsync(raw, 1)),
            new("ours, 1 process", () => ThereAsync(ours, 1)) { Against = ["raw client, 1 process"] },
            new("raw client, 2 processes", () => ThereAsync(raw, 2)),
            new("ours, 2 processes", () => ThereAsync(ours, 2)) { Against = ["raw client, 2 processes"] },
        ])
        { Note = "Prefetch 1, without history. The first half does not count: processes start cold." };

        async Task<double[]> HereAsync(Subject subject) => [await subject.On(stage).ProcessRateAsync(Slots, count, warmUp: count / 2)];

        async Task<double[]> ThereAsync(Subject subject, int processes)
        {
            await subject.On(stage).FillNoopsAsync(count);
            await using WorkerFleet fleet = new(stage);
            for (int i = 0; i < processes; i++)
            {
                fleet.Start(subject, Slots / processes);
            }

            return [await fleet.RateAsync(count, warmUp: count / 2)];
        }
    }
}
