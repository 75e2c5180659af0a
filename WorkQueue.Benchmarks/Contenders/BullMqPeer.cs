using System.Globalization;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>BullMQ, one process of Node.js on Redis with <c>appendfsync always</c>: what is added, or done, is on the disk before the call returns.</summary>
internal static class BullMqPeer
{
    private static readonly ScriptProgram Program = ScriptProgram.Node("bullmq", "bullmq_peer.js");

    public static Contender Enqueue(Stage stage, int callers, int bytes, TimeSpan time) => Of(stage, "BullMQ", "publish", callers, bytes, time.TotalSeconds);

    public static Contender Process(Stage stage, int slots, int count) => Of(stage, "BullMQ", "work", slots, 100, count);

    /// <summary>Two tenants with a queue each, and the small one's wait in times that a task takes.</summary>
    public static Contender Share(Stage stage, int slots, TimeSpan time, int flood) => Of(stage, "BullMQ, a queue and half of the slots for each", "share", slots, time.TotalMilliseconds, flood);

    private static Contender Of(Stage stage, string name, string verb, int parallel, double size, double amount) => new(name, async () =>
    {
        int port = await stage.DurableRedis.PortAsync();
        return [await Program.RateAsync([port.ToString(CultureInfo.InvariantCulture), verb, .. ((double[])[parallel, size, amount]).Select(ScriptProgram.Text)])];
    })
    {
        Missing = Program.Missing ?? stage.DurableRedis.Missing,
    };
}
