using System.Globalization;
using WorkQueue.Benchmarks.Contenders;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What lanes, priorities and limits do, and what they cost.</summary>
internal static class LaneScenario
{
    private const int Slots = 16;
    private const string Plain = "ours, none of it";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        yield return Rate(stage);
        yield return Fairness(stage);
        yield return Peers(stage);
    }

    /// <summary>What lanes are on three nodes, each of which leads a part of them.</summary>
    public static IEnumerable<Comparison> OnCluster(Stage stage)
    {
        int count = stage.Pick(10_000, 500);
        yield return new Comparison("Lanes on a cluster of three nodes, 64 callers, 16 slots", ["enqueues/s", "runs/s"], [.. ((int[])[1, 4, 16]).Select(ContenderOf)])
        { Note = "All nodes on one machine: they share its cores and its disk, so what more leaders do for machines of their own does not show, but what replication costs does. 1,000 tenants, tasks that do nothing, without history." };

        Contender ContenderOf(int lanes) => new($"ours, {Stage.Count(lanes, "lane")}", async () =>
        {
            Stage cluster = stage with { ConnectionString = await stage.Cluster.ConnectionStringAsync() };
            return await new OurLanes(cluster, $"cluster-{lanes}", Lanes(lanes)).FillAndRunAsync(Slots, 64, count);
        })
        { Against = lanes == 1 ? [] : ["ours, 1 lane"] };
    }

    private static Comparison Rate(Stage stage)
    {
        int count = stage.Pick(10_000, 500);
        return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Enqueue and run {count:N0} tasks by lanes, priorities and limits, {Slots} slots"), ["tasks/s"],
        [
            Contender(Plain, "none") with { Against = [] },
            Contender("ours, 1 lane", "1", Lanes(1)),
            Contender("ours, 4 lanes", "4", Lanes(4)),
            Contender("ours, 16 lanes", "16", Lanes(16)),
            Contender("ours, 16 ordered lanes", "ordered", Lanes(16), ("Queues:default:Ordered", "true")),
            Contender("ours, priorities, all tasks normal", "priorities", ("Queues:default:Priorities", "true")),
            Contender("ours, at most 16 at once", "limit", ("Queues:default:MaxRunning", "16")),
        ])
        { Note = "Tasks that do nothing, of 1,000 tenants, without history; one node. A slot that goes to another lane cancels and subscribes, which is what these measure: with work of a millisecond or more it does not show." };

        Contender Contender(string title, string name, params (string, string)[] settings) =>
            new(title, async () => [await new OurLanes(stage, name, settings).RateAsync(Slots, 64, count)]) { Against = [Plain] };
    }

    private static Comparison Fairness(Stage stage)
    {
        TimeSpan brief = TimeSpan.FromMilliseconds(20);
        int flood = stage.Pick(10_000, 300);
        int large = stage.Pick(100_000, 1_000);
        return new Comparison("Wait of a tenant's 10 tasks behind another's many, 16 slots", ["p95 with 2 tenants, turns", "with 10", "with 1,000"],
        [
            new("ours, no lanes, 10,000 tasks before them", () => WaitsAsync("none", flood, brief)),
            new("ours, 16 lanes, 10,000 tasks", () => WaitsAsync("16", flood, brief, Lanes(16))),
            new("ours, 64 lanes, 10,000 tasks", () => WaitsAsync("64", flood, brief, Lanes(64))),
            new("ours, 64 lanes, 100,000 tasks", () => WaitsAsync("64", large, brief, Lanes(64))),
            new("ours, 16 lanes, 10,000 tasks of 200 ms", () => WaitsAsync("16", flood, brief * 10, Lanes(16))),
            new("ours, 64 lanes, 10,000 tasks of 200 ms", () => WaitsAsync("64", flood, brief * 10, Lanes(64))),
        ])
        { Note = "Tasks of 20 ms; a turn is the time of one. Of the 10 at most 8 can start in the first, for each of two tenants has half of the slots. The tenants beyond two enqueue 100 tasks a second together, with tasks of 200 ms 10." };

        async Task<double[]> WaitsAsync(string name, int before, TimeSpan time, params (string, string)[] settings)
        {
            OurLanes ours = new(stage, name, settings);
            return [await ours.SmallTenantAsync(Slots, before, 2, time), await ours.SmallTenantAsync(Slots, before, 10, time), await ours.SmallTenantAsync(Slots, before, 1000, time)];
        }
    }

    private static Comparison Peers(Stage stage)
    {
        TimeSpan time = TimeSpan.FromMilliseconds(20);
        int flood = stage.Pick(10_000, 300);
        HangfirePeer hangfire = new(stage);
        return new Comparison("Wait of a tenant's 10 tasks behind another's 10,000, beside peers, 16 slots", ["p95, turns"],
        [
            new("ours, 16 lanes", async () => [await new OurLanes(stage, "16", Lanes(16)).SmallTenantAsync(Slots, flood, 2, time)]),
            CeleryPeer.Share(stage, Slots, time, flood),
            BullMqPeer.Share(stage, Slots, time, flood),
            new("Hangfire, a queue for each, the small one's first", async () => [await hangfire.ShareAsync(Slots, flood, time, "small", "flood")]) { Missing = hangfire.Missing },
            new("Hangfire, a queue for each, the small one's last", async () => [await hangfire.ShareAsync(Slots, flood, time, "flood", "small")]) { Missing = hangfire.Missing },
        ])
        { Note = "Tasks of 20 ms. The peers have a queue for each tenant, whose name each of their workers has to be given, which lanes do not need; BullMQ, whose groups are sold, has a worker for each queue. Hangfire on PostgreSQL takes the oldest job of all its queues, in whatever order they are named." };
    }

    private static (string, string) Lanes(int count) => ("Queues:default:Lanes", count.ToString(CultureInfo.InvariantCulture));
}
