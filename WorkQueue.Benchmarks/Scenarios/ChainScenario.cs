using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What a step of a chain costs beside a task of its own.</summary>
internal static class ChainScenario
{
    private const int Callers = 64;
    private const int Slots = 4;

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        int count = stage.Pick(2_000, 400);
        // They are too slow for as many.
        int forHangfire = stage.Pick(100, 40), forCelery = stage.Pick(400, 80);
        HangfirePeer hangfire = new(stage);
        yield return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Chains: enqueue and run {count:N0} tasks, {Slots} slots"), ["tasks/s"],
        [
            .. Lengths("ours, History=off", length => new OurWorkflows(stage, HistoryMode.Off).ChainsAsync(Slots, Callers, count, length)),
            .. Lengths("ours, History=all", length => new OurWorkflows(stage, HistoryMode.All).ChainsAsync(Slots, Callers, count, length)),
            .. Lengths("Hangfire", length => hangfire.RunAsync(Slots, Callers, forHangfire, length)).Select(contender => contender with { Missing = hangfire.Missing }),
            .. Lengths("Celery", length => CeleryPeer.WorkflowAsync(stage, "chain", Slots, forCelery, length)).Select(contender => contender with { Missing = CeleryPeer.WorkflowsMissing(stage) }),
        ])
        {
            Note = $"From the first enqueue, by {Callers} callers, until all are done. Ours: confirmed, and the next task before the acknowledgement of the one before. Hangfire on PostgreSQL, {forHangfire} jobs, "
                + $"continuations: committed, and a job leaves its queue after its run. Celery, {forCelery} tasks, 8 callers: confirm_publish and acks_late, classic queues, no results.",
        };
    }

    private static IEnumerable<Contender> Lengths(string name, Func<int, Task<double>> measure)
    {
        string alone = $"{name}, tasks alone";
        yield return new(alone, async () => [await measure(1)]);
        foreach (int length in (int[])[2, 5])
        {
            yield return new(string.Create(CultureInfo.InvariantCulture, $"{name}, chains of {length}"), async () => [await measure(length)]) { Against = [alone] };
        }
    }
}
